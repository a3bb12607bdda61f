"""Tiny zero-shot detectors with random weights, one per class, as folders that transformers opens.

`save_tiny_detector(name, folder)` writes one; `TINY_DETECTORS` names them all. Untrained, they know nothing: what they
find depends on the frames and the label, and that is all that it shows.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tiny_encoders import LAYERS, VISION, clip_text, clip_tokenizer, waken
from transformers import (
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessorPil,
    Owlv2Processor,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTImageProcessorPil,
    OwlViTProcessor,
)

SIZE = {"height": 32, "width": 32}
WORDS = ["a", "an", "red", "blue", "ball", "box", "cat", "dog", "circle", "square", "person"]
MARKS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
"""Where BERT has them: Grounding DINO finds the ends of phrases by these very ids."""


def save_owl(folder: Path, config_class: Any, model_class: Any, processor: Any) -> None:
    tokenizer = clip_tokenizer(longest=16, pad_token="!")
    config = config_class(text_config=clip_text(tokenizer), vision_config=VISION, projection_dim=32)
    model = model_class(config).eval()
    waken(getattr(model, config_class.model_type))
    with torch.no_grad():
        for weights in model.box_head.parameters():
            weights.mul_(0.2)
        model.class_head.logit_shift.weight.mul_(0.02)
        model.class_head.logit_scale.weight.mul_(0.02)
        model.class_head.logit_scale.bias.fill_(8.0)
    model.save_pretrained(folder)
    processor(tokenizer).save_pretrained(folder)


def save_owlvit(folder: Path) -> None:
    images = OwlViTImageProcessorPil(size=SIZE, crop_size=SIZE)
    save_owl(folder, OwlViTConfig, OwlViTForObjectDetection, lambda words: OwlViTProcessor(images, words))


def save_owlv2(folder: Path) -> None:
    images = Owlv2ImageProcessorPil(size=SIZE)
    save_owl(folder, Owlv2Config, Owlv2ForObjectDetection, lambda words: Owlv2Processor(images, words))


def bert_tokenizer() -> BertTokenizer:
    """A few whole words, all letters as beginnings and ends of words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*WORDS, *letters, *(f"##{letter}" for letter in letters)]
    free = (number for number in range(1, 1029) if number not in MARKS.values())
    vocab = MARKS | {piece: next(free) for piece in dict.fromkeys(pieces)}
    vocab |= {f"[unused{number}]": number for number in range(1030) if number not in vocab.values()}
    return BertTokenizer(vocab=vocab)


def save_grounding(folder: Path, config_class: Any, model_class: Any) -> None:
    config = config_class(
        backbone_config={
            "model_type": "swin",
            "image_size": 32,
            "patch_size": 4,
            "embed_dim": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "out_indices": [2, 3, 4],
        },
        text_config={**LAYERS, "model_type": "bert", "vocab_size": 1030, "max_position_embeddings": 64},
        d_model=32,
        encoder_layers=1,
        encoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        num_queries=12,
        num_feature_levels=3,
        max_text_len=48,
    )
    waken(model_class(config)).save_pretrained(folder)
    images = GroundingDinoImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 64})
    GroundingDinoProcessor(images, bert_tokenizer()).save_pretrained(folder)


TINY_DETECTORS: dict[str, Callable[[Path], None]] = {
    "OWL-ViT": save_owlvit,
    "OWLv2": save_owlv2,
    "Grounding DINO": lambda folder: save_grounding(folder, GroundingDinoConfig, GroundingDinoForObjectDetection),
    "MM Grounding DINO": lambda folder: save_grounding(
        folder, MMGroundingDinoConfig, MMGroundingDinoForObjectDetection
    ),
}


def save_tiny_detector(name: str, folder: Path) -> Path:
    """Writes the detector of this name into `folder`, and gives the folder back."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    TINY_DETECTORS[name](folder)
    return folder
