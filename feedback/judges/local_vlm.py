"""A vision language model in this process: frames and a text in, the tensors that its class wants out.

Judges and reward models are built on it. The frames go in as a video where the model's processor takes one, else as
pictures in a row: all video processors need torchvision.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from feedback.errors import FeedbackError
from feedback.held_model import HeldModel
from feedback.judges.vlm import Scale, Shown, answer_in
from feedback.judges.vlm_loading import find_vlm, load_model, load_processor
from feedback.resident import HoldsModel
from feedback.torch_models import INSTALL_HINT, find_device, find_dtype

try:
    import torch
    from transformers.video_utils import VideoMetadata
except ImportError as error:
    raise FeedbackError(f"models in this process need more packages ({error}): {INSTALL_HINT}") from error


class LocalVLM(HoldsModel[HeldModel]):
    """An image-text-to-text model of transformers: Qwen-VL, LLaVA, Gemma 3, SmolVLM and their like. A `Resident`.

    Its processor is loaded at once, its weights at their first use, once. Raises FeedbackError when it can't be used.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
    """

    def __init__(self, model: str, revision: str | None = None, device: str = "auto", dtype: str = "auto"):
        self.device = find_device(device)
        self.dtype = find_dtype(dtype, self.device)
        files = find_vlm(model, revision)
        self.name = files.name
        self._held = HeldModel(files, self.device, self.dtype, lambda: load_model(files, self.dtype, self.device))
        self._processor = load_processor(files)
        self.tokenizer = tokenizer = self._processor.tokenizer
        tokenizer.padding_side = "left"
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        self._template = getattr(self._processor, "chat_template", None) or tokenizer.chat_template
        if not self._template:
            raise FeedbackError(
                f"the model {model} has no chat template; name one that is trained to answer (Instruct)"
            )
        self.takes_video = getattr(self._processor, "video_processor", None) is not None and "video" in self._template

    @property
    def model(self) -> Any:
        """The model with its weights, on its device."""
        return self._held.get()

    def inputs(self, shown: Shown, texts: Sequence[str]) -> Any:
        """Token ids and pixels of one chat per text, each after the same frames; padded on the left, on the device."""
        pictures = [Image.fromarray(frame) for frame in shown.frames]
        seen = [{"type": "video"}] if self.takes_video else [{"type": "image"}] * len(pictures)
        chats = [
            [{"role": "user", "content": [*seen, {"type": "text", "text": self._unmarked(text)}]}] for text in texts
        ]
        prompts = self.tokenizer.apply_chat_template(
            chats, chat_template=self._template, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        has_start = bool(self.tokenizer.bos_token) and prompts[0].startswith(self.tokenizer.bos_token)
        settings: dict[str, Any] = {"padding": True, "return_tensors": "pt", "add_special_tokens": not has_start}
        if self.takes_video:
            settings |= self._video_settings(shown, pictures, len(texts))
        else:
            settings["images"] = [pictures] * len(texts)
        return self._processor(text=prompts, **settings).to(self.device, self.dtype)

    def _video_settings(self, shown: Shown, pictures: Sequence[Image.Image], count: int) -> dict[str, Any]:
        metadata = VideoMetadata(
            total_num_frames=shown.clip.num_frames,
            fps=shown.clip.fps,
            frames_indices=list(shown.indices),
            width=pictures[0].width,
            height=pictures[0].height,
            duration=shown.clip.duration_seconds,
        )
        return {"videos": [pictures] * count, "video_metadata": [metadata] * count, "do_sample_frames": False}

    def generate(self, inputs: Any, most_tokens: int, **settings: Any) -> Any:
        """What the model says after `inputs`, as `generate` of transformers gives it; greedily unless told otherwise.

        Raises torch.OutOfMemoryError or MemoryError when it does not fit.
        """
        choice: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        with torch.inference_mode():
            return self.model.generate(
                **inputs, max_new_tokens=most_tokens, pad_token_id=self.tokenizer.pad_token_id, **(choice | settings)
            )

    def answer_tokens(self, scale: Scale) -> Mapping[str, list[int]]:
        """For each answer of the scale the ids of all tokens that spell it, such as "yes", "Yes" and " yes"."""
        tokens: dict[str, list[int]] = {answer: [] for answer in scale.worth}
        for token, index in self.tokenizer.get_vocab().items():
            answer = answer_in(token, scale)
            if answer is not None:
                tokens[answer].append(index)
        if missing := [answer for answer, found in tokens.items() if not found]:
            raise FeedbackError(
                f"the tokenizer of {self.name} has no token for {missing[0]!r}: this model can't be asked"
            )
        return {answer: sorted(found) for answer, found in tokens.items()}

    def _unmarked(self, text: str) -> str:
        """The text without what the tokenizer would take for a picture or the end of a turn: prompts may hold it."""
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special:
                text = text.replace(token.content, " ")
        return text
