"""A vision language model in this process, which grades by the probability of its next word: no text is generated."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

from PIL import Image

from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.held_model import HeldModel
from feedback.judges.vlm import LEAST_MASS, SCALES, Asked, Masses, Scale, Shown, answer_in, ask_model
from feedback.judges.vlm_loading import find_vlm, load_model, load_processor
from feedback.records import Question, Verdict
from feedback.resident import Holding
from feedback.torch_models import INSTALL_HINT, find_device, find_dtype

try:
    import torch
    from transformers.video_utils import VideoMetadata
except ImportError as error:
    raise FeedbackError(f"the judge 'vlm' needs more packages ({error}): {INSTALL_HINT}") from error

QUESTIONS_AT_ONCE = 8
"""In one forward pass, until the memory turns out too small for it."""

_log = logging.getLogger(__name__)


class LocalVLMJudge:
    """A judge by an image-text-to-text model of transformers: Qwen-VL, LLaVA, Gemma 3, SmolVLM and their like.

    Made from a folder or an id on the hub; its processor is loaded at once, its weights with the first question, once.
    It gets the frames as a video where the model's processor takes one, else as pictures in a row: all video processors
    need torchvision. Raises FeedbackError when the model can't be used.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
        least_mass: Of the probability that must stand on answers, 0..1.
    """

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        least_mass: float = LEAST_MASS,
    ):
        self.device = find_device(device)
        self.dtype = find_dtype(dtype, self.device)
        self._files = files = find_vlm(model, revision)
        self._model = HeldModel(files, self.device, self.dtype, lambda: load_model(files, self.dtype, self.device))
        self._processor = load_processor(files)
        tokenizer = self._processor.tokenizer
        tokenizer.padding_side = "left"
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        self._template = getattr(self._processor, "chat_template", None) or tokenizer.chat_template
        if not self._template:
            raise FeedbackError(
                f"the model {model} has no chat template; name one that is trained to answer (Instruct)"
            )
        self.takes_video = getattr(self._processor, "video_processor", None) is not None and "video" in self._template
        self._answers = {scale.answers: _answer_tokens(model, tokenizer, scale) for scale in SCALES}
        self._least_mass = least_mass
        self._at_once = QUESTIONS_AT_ONCE
        self._lock = threading.Lock()

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question. Raises FeedbackError when the weights can't be loaded or nothing fits in memory."""
        with self._lock:
            return ask_model(self._read, clip, questions, self._least_mass)

    def _read(self, shown: Shown, asked: Sequence[Asked]) -> list[Masses]:
        """All questions, as many in one forward pass as fit; half as many after each failure to fit."""
        readings: list[Masses] = []
        while len(readings) < len(asked):
            some = asked[len(readings) : len(readings) + self._at_once]
            try:
                readings += self._forward(shown, some)
            except (torch.OutOfMemoryError, MemoryError) as error:
                if len(some) == 1:
                    raise FeedbackError(
                        f"one question to {self._files.name} does not fit into the memory of {self.device}; "
                        "use a smaller model, or --judge-device cpu"
                    ) from error
                self._at_once = len(some) // 2
                _log.warning("out of memory; asking the judge %d questions at once from now on", self._at_once)
        return readings

    def _forward(self, shown: Shown, asked: Sequence[Asked]) -> list[Masses]:
        inputs = self._inputs(shown, asked).to(self.device, self.dtype)
        with torch.inference_mode():
            logits = self._model.get()(**inputs, logits_to_keep=1, use_cache=False).logits[:, -1]
        probabilities = logits.float().softmax(-1).cpu()
        return [
            {answer: float(row[tokens].sum()) for answer, tokens in self._answers[one.scale.answers].items()}
            for one, row in zip(asked, probabilities, strict=True)
        ]

    def _inputs(self, shown: Shown, asked: Sequence[Asked]) -> Any:
        """Token ids and pixels of one chat per question, padded on the left, as the model's processor makes them."""
        pictures = [Image.fromarray(frame) for frame in shown.frames]
        seen = [{"type": "video"}] if self.takes_video else [{"type": "image"}] * len(pictures)
        chats = [
            [{"role": "user", "content": [*seen, {"type": "text", "text": self._unmarked(one.text)}]}] for one in asked
        ]
        tokenizer = self._processor.tokenizer
        texts = tokenizer.apply_chat_template(
            chats, chat_template=self._template, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        has_start = bool(tokenizer.bos_token) and texts[0].startswith(tokenizer.bos_token)
        settings: dict[str, Any] = {"padding": True, "return_tensors": "pt", "add_special_tokens": not has_start}
        if not self.takes_video:
            return self._processor(text=texts, images=[pictures] * len(asked), **settings)
        metadata = VideoMetadata(
            total_num_frames=shown.clip.num_frames,
            fps=shown.clip.fps,
            frames_indices=list(shown.indices),
            width=pictures[0].width,
            height=pictures[0].height,
            duration=shown.clip.duration_seconds,
        )
        return self._processor(
            text=texts,
            videos=[pictures] * len(asked),
            video_metadata=[metadata] * len(asked),
            do_sample_frames=False,
            **settings,
        )

    def _unmarked(self, text: str) -> str:
        """The text without what the tokenizer would take for a picture or the end of a turn: prompts may hold it."""
        for token in self._processor.tokenizer.added_tokens_decoder.values():
            if token.special:
                text = text.replace(token.content, " ")
        return text

    @property
    def holdings(self) -> list[Holding]:
        """The model."""
        return self._model.holdings

    def acquire(self) -> None:
        """Brings the model back to its device."""
        self._model.acquire()

    def release(self) -> None:
        """Leaves the device to others."""
        self._model.release()


def _answer_tokens(name: str, tokenizer: Any, scale: Scale) -> dict[str, list[int]]:
    """For each answer the ids of all tokens that spell it, such as "yes", "Yes" and " yes"."""
    tokens: dict[str, list[int]] = {answer: [] for answer in scale.worth}
    for token, index in tokenizer.get_vocab().items():
        answer = answer_in(token, scale)
        if answer is not None:
            tokens[answer].append(index)
    if missing := [answer for answer, found in tokens.items() if not found]:
        raise FeedbackError(f"the tokenizer of {name} has no token for {missing[0]!r}: this model can't be asked")
    return {answer: sorted(found) for answer, found in tokens.items()}
