"""The untrained parts of the pocket pipeline: its words, its text encoder and its transformer, all of Wan's classes."""

import re
from functools import cache
from typing import Any

from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.pipelines.wan.pipeline_wan import WanPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from examples.pocket.vae import LATENT_CHANNELS
from examples.pocket.world import all_scenes, canonical, paraphrases

WIDTH = 128
TEXT_WIDTH = 128
LONGEST_TEXT = 512
"""In tokens; what the pipeline may pad to, and is trained with."""
FLOW_SHIFT = 4.0
SPECIAL = ("<pad>", "</s>")


@cache
def words() -> tuple[str, ...]:
    """Every word and mark that occurs in a training caption, in alphabetical order."""
    texts = (text for scene in all_scenes() for text in (canonical(scene), *paraphrases(scene)))
    return tuple(sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())}))


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; words that it does not know are left out, so that nothing can depend on them."""
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate([*SPECIAL, *words()])}))
    tokenizer.normalizer = normalizers.Lowercase()
    known = "|".join(rf"\b{word}\b" if word.isalnum() else re.escape(word) for word in words())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(known), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106 - no password
        eos_token="</s>",  # noqa: S106
        model_max_length=LONGEST_TEXT,
    )


def make_text_encoder(vocabulary_size: int) -> UMT5EncoderModel:
    """Two layers of width 128."""
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=vocabulary_size,
            d_model=TEXT_WIDTH,
            d_kv=32,
            d_ff=256,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
        )
    )


def make_transformer() -> WanTransformer3DModel:
    """Six layers of width 128 on tokens of 64 numbers, 8 x 8 px of one frame each."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=4,
        attention_head_dim=32,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        text_dim=TEXT_WIDTH,
        freq_dim=128,
        ffn_dim=384,
        num_layers=6,
        cross_attn_norm=True,
        rope_max_seq_len=32,
    )


def make_pipeline(
    tokenizer: Any,
    text_encoder: UMT5EncoderModel,
    transformer: WanTransformer3DModel,
    vae: AutoencoderKLWan,
) -> WanPipeline:
    """All of it as diffusers runs it."""
    pipeline = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder,
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=FLOW_SHIFT),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
