"""Tiny vision language models with random weights, one per class, as folders that transformers opens.

`save_tiny_vlm(name, folder)` writes one; `TINY_VLMS` names them all. Untrained, they know nothing: their answers depend
on the frames and the question, and that is all that they show. Words outside ANSWERS are made improbable, so that most
of the probability stands on an answer. What needs torchvision to be built whole is written as a real folder of that
class would be, without its video processor's part.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)

ANSWERS = ("yes", "no", "Yes", "No", *"12345")
WIDTH = 32
LAYERS = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = {**LAYERS, "num_key_value_heads": 2, "max_position_embeddings": 8192, "bos_token_id": None}


def chat_template(image: str, video: str = "", opening: str = "<|im_start|>", closing: str = "<|im_end|>") -> str:
    """A chat template in which pictures stand as `image` and videos as `video`."""
    return (
        "{% for message in messages %}" + opening + "{{ message.role }}\n{% for part in message.content %}"
        "{% if part.type == 'image' %}" + image + "{% elif part.type == 'video' %}" + video + "{% else %}"
        "{{ part.text }}{% endif %}{% endfor %}" + closing + "\n{% endfor %}"
        "{% if add_generation_prompt %}" + opening + "assistant\n{% endif %}"
    )


def byte_tokenizer(*specials: str, **named: str) -> Qwen2Tokenizer:
    """One token a byte, the answers as whole words, and these special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces, merges = list(alphabet), []
    for word in ANSWERS:
        for end in range(2, len(word) + 1):
            merges.append((word[: end - 1], word[end - 1]))
            pieces.append(word[:end])
    pieces = list(dict.fromkeys(pieces))
    vocab = {piece: index for index, piece in enumerate([*pieces, "<|endoftext|>"])}
    tokenizer = Qwen2Tokenizer(
        vocab=vocab, merges=list(dict.fromkeys(merges)), eos_token="<|im_end|>", model_specific_special_tokens=named
    )
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>", *specials]})
    return tokenizer


def text_config(tokenizer: Qwen2Tokenizer, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
        **TEXT,
        **more,
    }


def favour_answers(model: Any, tokenizer: Qwen2Tokenizer) -> None:
    """Makes weights large enough for frames to matter, and words outside ANSWERS improbable."""
    answers = tokenizer.convert_tokens_to_ids(list(ANSWERS))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "mm_input_projection" in name:  # Gemma3 begins with zeros there.
                weights.normal_(0, 0.1)
            elif weights.ndim > 1 and "embed" not in name:
                weights.mul_(6)
        model.get_input_embeddings().weight[:, 0] = 2.0
        head = model.get_output_embeddings().weight
        head[:, 0] = -2.0
        head[answers, 0] = 2.0


def save_model(model: Any, tokenizer: Qwen2Tokenizer, folder: Path) -> None:
    favour_answers(model, tokenizer)
    model.eval().save_pretrained(folder)


def save_without_video(processor_class: str, image_processor: Any, tokenizer: Any, folder: Path, **more: Any) -> None:
    """The processor's files, without the video part, which only torchvision can make."""
    image_processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": processor_class, **more}))


def save_llava(folder: Path) -> None:
    tokenizer = byte_tokenizer(image_token="<image>")
    vision = CLIPVisionConfig(**LAYERS, image_size=32, patch_size=8)
    text = LlamaConfig(**text_config(tokenizer))
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=tokenizer.convert_tokens_to_ids("<image>")
    )
    save_model(LlavaForConditionalGeneration(config), tokenizer, folder)
    LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    ).save_pretrained(folder)


def save_gemma3(folder: Path) -> None:
    tokenizer = byte_tokenizer(boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft>")
    begin, end, soft = tokenizer.convert_tokens_to_ids(["<start_of_image>", "<end_of_image>", "<image_soft>"])
    config = Gemma3Config(
        text_config=text_config(tokenizer, head_dim=8, sliding_window=4096),
        vision_config={**LAYERS, "image_size": 32, "patch_size": 8},
        mm_tokens_per_image=4,
        boi_token_index=begin,
        eoi_token_index=end,
        image_token_index=soft,
        tie_word_embeddings=False,
    )
    save_model(Gemma3ForConditionalGeneration(config), tokenizer, folder)
    Gemma3Processor(
        Gemma3ImageProcessorPil(size={"height": 32, "width": 32}),
        tokenizer,
        image_seq_length=4,
        chat_template=chat_template("<start_of_image>"),
    ).save_pretrained(folder)


QWEN_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN_IDS = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")


def save_qwen(
    folder: Path, model_class: Any, config_class: Any, processor_class: str, patch: int, **vision: Any
) -> None:
    tokenizer = byte_tokenizer(*QWEN_TOKENS)
    start, end, image, video = QWEN_TOKENS
    tokenizer.chat_template = chat_template(start + image + end, start + video + end)
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
    sizes = {"hidden_size": WIDTH, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": WIDTH}
    config = config_class(
        text_config=text_config(tokenizer, rope_parameters=rope, head_dim=8),
        vision_config={**sizes, "depth": 2, "patch_size": patch, **vision},
        **dict(zip(QWEN_IDS, tokenizer.convert_tokens_to_ids(list(QWEN_TOKENS)), strict=True)),
    )
    save_model(model_class(config), tokenizer, folder)
    size = {"shortest_edge": (2 * patch) ** 2, "longest_edge": (8 * patch) ** 2}
    save_without_video(processor_class, Qwen2VLImageProcessorPil(patch_size=patch, size=size), tokenizer, folder)


def save_qwen25_vl(folder: Path) -> None:
    classes = Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig, "Qwen2_5_VLProcessor"
    save_qwen(folder, *classes, patch=14, fullatt_block_indexes=[1])


def save_qwen3_vl(folder: Path) -> None:
    classes = Qwen3VLForConditionalGeneration, Qwen3VLConfig, "Qwen3VLProcessor"
    save_qwen(folder, *classes, patch=16, deepstack_visual_indexes=[0, 1], num_position_embeddings=16)


def save_smolvlm(folder: Path) -> None:
    tokenizer = byte_tokenizer(
        "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<video>", image_token="<image>"
    )
    tokenizer.chat_template = chat_template("<image>", "<video>")
    config = SmolVLMConfig(
        text_config={**text_config(tokenizer), "model_type": "llama"},
        vision_config={**LAYERS, "image_size": 32, "patch_size": 8},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    save_model(SmolVLMForConditionalGeneration(config), tokenizer, folder)
    image_processor = SmolVLMImageProcessorPil(
        do_image_splitting=False, size={"longest_edge": 32}, max_image_size={"longest_edge": 32}
    )
    save_without_video("SmolVLMProcessor", image_processor, tokenizer, folder, image_seq_len=4)


TINY_VLMS: dict[str, Callable[[Path], None]] = {
    "LLaVA": save_llava,
    "Gemma3": save_gemma3,
    "Qwen2.5-VL": save_qwen25_vl,
    "Qwen3-VL": save_qwen3_vl,
    "SmolVLM": save_smolvlm,
}


def save_tiny_vlm(name: str, folder: Path) -> Path:
    """Writes the model of this name into `folder`, and gives the folder back."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    TINY_VLMS[name](folder)
    return folder
