"""Tiny text-to-video pipelines with random weights, one per kind, as folders that `from_pretrained` opens.

Untrained, they draw noise; their text pathways are amplified so that another prompt gives a visibly different video.
`save_tiny(name, folder)` writes one; `TINY` names them all.
"""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLLTXVideo,
    AutoencoderKLMochi,
    AutoencoderKLWan,
    ClassifierFreeGuidance,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LattePipeline,
    LatteTransformer3DModel,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
    LTXConditionPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    SanaVideoPipeline,
    SanaVideoTransformer3DModel,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from tokenizers import pre_tokenizers
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Gemma2Config,
    Gemma2Model,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    LlamaConfig,
    LlamaModel,
    LlamaTokenizer,
    Qwen2_5_VLTextConfig,
    Qwen2Tokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLTextModel

from agent.renderer import RenderRequest

QUIET = [
    # diffusers 0.42 hands torch tensors to np.array and asks autocast for float32 on the CPU.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:In CPU autocast, but the target dtype is not supported:UserWarning"),
]
"""The `pytestmark` of a module that renders with them."""

SMALL = RenderRequest(
    text="a red circle moves to the left, black background",
    seed=1,
    width=32,
    height=32,
    num_frames=9,
    num_inference_steps=2,
)

LETTERS = string.ascii_letters + string.digits + string.punctuation
TEXT_WIDTH = 32
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def t5_tokenizer() -> T5Tokenizer:
    """One token a letter."""
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=512)


def llama_tokenizer() -> LlamaTokenizer:
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    for piece in ("▁", *LETTERS):
        vocab.setdefault(piece, len(vocab))
    return LlamaTokenizer(vocab=vocab, merges=[], pad_token="</s>")


def clip_tokenizer() -> CLIPTokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(f"{letter}</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], model_max_length=77)


def qwen_tokenizer() -> Qwen2Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {letter: i for i, letter in enumerate(alphabet)} | {"<|endoftext|>": len(alphabet)}
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=[], eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = CHAT
    return tokenizer


def t5_encoder(vocab_size: int, kind: str = "t5") -> Any:
    config, model = (UMT5Config, UMT5EncoderModel) if kind == "umt5" else (T5Config, T5EncoderModel)
    sizes = {"d_model": TEXT_WIDTH, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4}
    return model(config(vocab_size=vocab_size, feed_forward_proj="gated-gelu", **sizes))


def wan_vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def with_t5(**parts: Any) -> dict[str, Any]:
    tokenizer = t5_tokenizer()
    return {"tokenizer": tokenizer, "text_encoder": t5_encoder(len(tokenizer)), **parts}


def wan_transformer() -> WanTransformer3DModel:
    return WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=TEXT_WIDTH,
        freq_dim=32,
        ffn_dim=32,
        num_layers=2,
        rope_max_seq_len=32,
    )


def wan(**parts: Any) -> WanPipeline:
    tokenizer = t5_tokenizer()
    return WanPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder(len(tokenizer), "umt5"),
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        transformer=wan_transformer(),
        **parts,
    )


def wan22() -> WanPipeline:
    """Of two transformers: one for the steps with much noise, one for those with little."""
    return wan(transformer_2=wan_transformer(), boundary_ratio=0.875)


def skyreels() -> SkyReelsV2Pipeline:
    tokenizer = t5_tokenizer()
    return SkyReelsV2Pipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder(len(tokenizer), "umt5"),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=8.0, num_train_timesteps=1000
        ),
        transformer=SkyReelsV2Transformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            text_dim=TEXT_WIDTH,
            freq_dim=32,
            ffn_dim=32,
            num_layers=2,
            rope_max_seq_len=32,
        ),
    )


def cogvideox() -> CogVideoXPipeline:
    return CogVideoXPipeline(
        **with_t5(
            vae=AutoencoderKLCogVideoX(
                block_out_channels=(8, 8, 8, 8),
                latent_channels=4,
                layers_per_block=1,
                norm_num_groups=2,
                temporal_compression_ratio=4,
            ),
            scheduler=CogVideoXDDIMScheduler(),
            transformer=CogVideoXTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=16,
                in_channels=4,
                out_channels=4,
                time_embed_dim=2,
                text_embed_dim=TEXT_WIDTH,
                num_layers=2,
                sample_width=4,
                sample_height=4,
                sample_frames=9,
            ),
        )
    )


def ltx(pipeline: type[LTXPipeline] | type[LTXConditionPipeline] = LTXPipeline) -> LTXPipeline | LTXConditionPipeline:
    return pipeline(
        **with_t5(
            vae=AutoencoderKLLTXVideo(
                latent_channels=8,
                block_out_channels=(8, 8, 8, 8),
                decoder_block_out_channels=(8, 8, 8, 8),
                layers_per_block=(1, 1, 1, 1, 1),
                decoder_layers_per_block=(1, 1, 1, 1, 1),
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(),
            transformer=LTXVideoTransformer3DModel(
                in_channels=8,
                out_channels=8,
                num_attention_heads=4,
                attention_head_dim=8,
                cross_attention_dim=32,
                num_layers=2,
                caption_channels=TEXT_WIDTH,
            ),
        )
    )


def ltx2() -> LTX2Pipeline:
    """With sound: two decoders, and connectors that lead all layers of the encoder to both of its streams."""
    tokenizer = llama_tokenizer()
    text_layers, mel_bins = 2, 8
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": text_layers, "num_attention_heads": 2}
    return LTX2Pipeline(
        tokenizer=tokenizer,
        text_encoder=Gemma3ForConditionalGeneration(
            Gemma3Config(
                text_config={
                    "vocab_size": len(tokenizer),
                    "num_key_value_heads": 1,
                    "head_dim": 8,
                    "max_position_embeddings": 512,
                    **sizes,
                },
                vision_config={"image_size": 16, "patch_size": 8, **sizes},
                mm_tokens_per_image=4,
            )
        ),
        connectors=LTX2TextConnectors(
            caption_channels=16,
            text_proj_in_factor=text_layers + 1,
            video_connector_num_attention_heads=2,
            video_connector_attention_head_dim=8,
            video_connector_num_layers=1,
            video_connector_num_learnable_registers=None,
            audio_connector_num_attention_heads=2,
            audio_connector_attention_head_dim=8,
            audio_connector_num_layers=1,
            audio_connector_num_learnable_registers=None,
            connector_rope_base_seq_len=32,
            rope_double_precision=False,
            rope_type="split",
        ),
        transformer=LTX2VideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=2,
            attention_head_dim=8,
            cross_attention_dim=16,
            audio_in_channels=8,
            audio_out_channels=8,
            audio_num_attention_heads=2,
            audio_attention_head_dim=4,
            audio_cross_attention_dim=8,
            num_layers=2,
            caption_channels=16,
            rope_double_precision=False,
            rope_type="split",
        ),
        vae=AutoencoderKLLTX2Video(
            latent_channels=8,
            block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 16, 32),  # Each block hands on half of what the one before it did.
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(1, 1, 1, 1),
            patch_size=2,
            spatial_compression_ratio=16,  # Three blocks that double on top of the patch: 32 pixels are 2 latents,
            temporal_compression_ratio=8,  # the fewest that the decoder's reflected border can be made of.
        ),
        audio_vae=AutoencoderKLLTX2Audio(
            base_channels=8, ch_mult=(1, 1), num_res_blocks=1, latent_channels=4, resolution=16, mel_bins=mel_bins
        ),
        vocoder=LTX2Vocoder(
            in_channels=2 * mel_bins,
            hidden_channels=16,
            out_channels=2,
            upsample_kernel_sizes=[4, 4],
            upsample_factors=[2, 2],
            resnet_kernel_sizes=[3],
            resnet_dilations=[[1, 3, 5]],
            output_sampling_rate=16000,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )


def hunyuan() -> HunyuanVideoPipeline:
    llama, clip = llama_tokenizer(), clip_tokenizer()
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    return HunyuanVideoPipeline(
        tokenizer=llama,
        text_encoder=LlamaModel(LlamaConfig(vocab_size=len(llama), max_position_embeddings=512, **sizes)),
        tokenizer_2=clip,
        text_encoder_2=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(clip),
                projection_dim=8,
                eos_token_id=clip.eos_token_id,
                max_position_embeddings=77,
                **sizes,
            )
        ),
        vae=AutoencoderKLHunyuanVideo(
            latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        transformer=HunyuanVideoTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=10,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=16,
            pooled_projection_dim=16,
            rope_axes_dim=(2, 4, 4),
        ),
    )


def hunyuan15() -> HunyuanVideo15Pipeline:
    qwen, byt5 = qwen_tokenizer(), ByT5Tokenizer()
    return HunyuanVideo15Pipeline(
        tokenizer=qwen,
        text_encoder=Qwen2_5_VLTextModel(
            Qwen2_5_VLTextConfig(
                vocab_size=len(qwen),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=2,
                rope_parameters={"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
            )
        ),
        tokenizer_2=byt5,
        text_encoder_2=t5_encoder(len(byt5)),
        vae=AutoencoderKLHunyuanVideo15(
            latent_channels=4,
            block_out_channels=(16, 16, 16, 16, 16),
            layers_per_block=1,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        transformer=HunyuanVideo15Transformer3DModel(
            in_channels=9,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_refiner_layers=1,
            text_embed_dim=16,
            text_embed_2_dim=TEXT_WIDTH,
            image_embed_dim=12,
            rope_axes_dim=(2, 2, 4),
            target_size=32,
            task_type="t2v",
        ),
        guider=ClassifierFreeGuidance(guidance_scale=4.0),
    )


def mochi() -> MochiPipeline:
    return MochiPipeline(
        **with_t5(
            vae=AutoencoderKLMochi(
                latent_channels=12,
                encoder_block_out_channels=(32, 32, 32, 32),
                decoder_block_out_channels=(32, 32, 32, 32),
                layers_per_block=(1, 1, 1, 1, 1),
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(),
            transformer=MochiTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=8,
                num_layers=2,
                pooled_projection_dim=16,
                in_channels=12,
                text_embed_dim=TEXT_WIDTH,
                time_embed_dim=4,
            ),
        )
    )


def latte() -> LattePipeline:
    return LattePipeline(
        **with_t5(
            vae=AutoencoderKL(
                block_out_channels=(8, 8, 8, 8),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                latent_channels=4,
                norm_num_groups=4,
            ),
            scheduler=DDIMScheduler(),
            transformer=LatteTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=8,
                in_channels=4,
                out_channels=8,
                num_layers=1,
                cross_attention_dim=16,
                attention_bias=True,
                sample_size=4,
                patch_size=2,
                activation_fn="gelu-approximate",
                num_embeds_ada_norm=1000,
                norm_type="ada_norm_single",
                norm_elementwise_affine=False,
                caption_channels=TEXT_WIDTH,
                video_length=16,
            ),
        )
    )


def sana() -> SanaVideoPipeline:
    tokenizer = llama_tokenizer()
    return SanaVideoPipeline(
        tokenizer=tokenizer,
        text_encoder=Gemma2Model(
            Gemma2Config(
                vocab_size=len(tokenizer),
                hidden_size=8,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=8,
                max_position_embeddings=512,
            )
        ),
        vae=wan_vae(),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=8.0, algorithm_type="dpmsolver++"
        ),
        transformer=SanaVideoTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            num_layers=1,
            num_cross_attention_heads=2,
            cross_attention_head_dim=12,
            cross_attention_dim=24,
            caption_channels=8,
            rope_max_seq_len=32,
        ),
    )


TINY: dict[str, Callable[[], Any]] = {
    "WanPipeline": wan,
    "WanPipeline 2.2": wan22,
    "SkyReelsV2Pipeline": skyreels,
    "CogVideoXPipeline": cogvideox,
    "LTXPipeline": ltx,
    "LTXConditionPipeline": lambda: ltx(LTXConditionPipeline),
    "LTX2Pipeline": ltx2,
    "HunyuanVideoPipeline": hunyuan,
    "HunyuanVideo15Pipeline": hunyuan15,
    "MochiPipeline": mochi,
    "LattePipeline": latte,
    "SanaVideoPipeline": sana,
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    # The block that its spatio-temporal guidance skips by default is the 29th.
    "LTX2Pipeline": {"spatio_temporal_guidance_blocks": [1], "max_sequence_length": 128},
    # Its own template is longer in letters than what the encoder reads, so that no prompt would come through.
    "HunyuanVideoPipeline": {"prompt_template": {"template": "{}", "crop_start": 0}},
}
"""What a tiny pipeline needs in each call, by its name in `TINY`."""


def save_tiny(name: str, folder: Path, seed: int = 0) -> Path:
    """The folder, after one tiny pipeline was written to it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = TINY[name]()
    pipeline.set_progress_bar_config(disable=True)
    _amplify_text(pipeline)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipeline.save_pretrained(folder)
    return folder


@torch.no_grad()
def _amplify_text(pipeline: Any) -> None:
    parts = ("attn2", "text_embedder", "caption", "text_proj", "context")
    for transformer in (pipeline.transformer, getattr(pipeline, "transformer_2", None)):
        for name, weight in transformer.named_parameters() if transformer is not None else ():
            if weight.ndim > 1 and any(part in name for part in parts):
                weight.mul_(15)
    if isinstance(pipeline.vae, AutoencoderKLWan):
        for weight in pipeline.vae.decoder.conv_out.parameters():
            weight.mul_(2)
    if isinstance(pipeline, CogVideoXPipeline):
        for weight in pipeline.text_encoder.parameters():
            if weight.ndim > 1:
                weight.mul_(20)
