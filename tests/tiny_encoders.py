"""Tiny encoders with random weights, one per class, as folders that transformers opens.

`save_tiny_encoder(name, folder)` writes one; `TINY_ENCODERS` names them all. Untrained, they know nothing: their
vectors depend on the frames and the text, and that is all that they show.
"""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import (
    BitImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    T5Tokenizer,
    VideoMAEImageProcessorPil,
    XCLIPConfig,
    XCLIPModel,
)

LAYERS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = {**LAYERS, "image_size": 32, "patch_size": 8}
CROP = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}


def clip_tokenizer(longest: int = 77, **named: str) -> CLIPTokenizer:
    """One token a byte, or a byte that ends a word; the text's end has the largest id, as in CLIP."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=longest, **named)


def clip_text(tokenizer: CLIPTokenizer) -> dict[str, Any]:
    return {
        **LAYERS,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def letter_tokenizer(longest: int) -> T5Tokenizer:
    """One token a letter, and the end of the text after it, as SigLIP has it."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in letters)]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=longest)


def waken(model: Any) -> Any:
    """Weights large enough for the input to matter."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "norm" not in name:
                weights.mul_(3)
    return model.eval()


def save_clip(folder: Path) -> None:
    tokenizer = clip_tokenizer()
    config = CLIPConfig(text_config=clip_text(tokenizer), vision_config=VISION, projection_dim=16)
    waken(CLIPModel(config)).save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessorPil(**CROP), tokenizer).save_pretrained(folder)


def save_siglip(folder: Path) -> None:
    tokenizer = letter_tokenizer(64)
    text = {**LAYERS, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32}
    model = waken(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)))
    with torch.no_grad():
        model.logit_scale.fill_(1.5)
        model.logit_bias.fill_(-2.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def save_siglip2(folder: Path) -> None:
    tokenizer = letter_tokenizer(64)
    text = {**LAYERS, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32}
    vision = {**LAYERS, "patch_size": 8, "num_patches": 16}
    waken(Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16).save_pretrained(folder)


def save_xclip(folder: Path, image_processor: Any = None) -> None:
    tokenizer = clip_tokenizer()
    vision = {**VISION, "mit_hidden_size": 16, "mit_intermediate_size": 32, "mit_num_attention_heads": 2}
    config = XCLIPConfig(
        text_config=clip_text(tokenizer),
        vision_config={**vision, "mit_num_hidden_layers": 1, "num_frames": 8},
        projection_dim=16,
        prompt_num_attention_heads=2,
    )
    waken(XCLIPModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (image_processor or VideoMAEImageProcessorPil(**CROP)).save_pretrained(folder)


def save_xclip_with_pictures(folder: Path) -> None:
    save_xclip(folder, CLIPImageProcessorPil(**CROP))


def save_dino(folder: Path, model: Any) -> None:
    waken(model).save_pretrained(folder)
    BitImageProcessorPil(**CROP).save_pretrained(folder)


SMALL_VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8}

TINY_ENCODERS: dict[str, Callable[[Path], None]] = {
    "CLIP": save_clip,
    "SigLIP": save_siglip,
    "SigLIP2": save_siglip2,
    "X-CLIP": save_xclip,
    "X-CLIP, processor of pictures": save_xclip_with_pictures,
    "DINOv2": lambda folder: save_dino(folder, Dinov2Model(Dinov2Config(**SMALL_VIT))),
    "DINOv2 with registers": lambda folder: save_dino(
        folder, Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**SMALL_VIT, num_register_tokens=2))
    ),
    "DINOv3": lambda folder: save_dino(
        folder, DINOv3ViTModel(DINOv3ViTConfig(**SMALL_VIT, intermediate_size=64, num_register_tokens=2))
    ),
}


def save_tiny_encoder(name: str, folder: Path) -> Path:
    """Writes the encoder of this name into `folder`, and gives the folder back."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    TINY_ENCODERS[name](folder)
    return folder
