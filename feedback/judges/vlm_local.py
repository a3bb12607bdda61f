"""A vision language model in this process, which grades by the probability of its next word.

Text is generated only to say what is seen instead of what was asked for.
"""

import logging
import threading
from collections.abc import Sequence

from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.judges.local_vlm import LocalVLM
from feedback.judges.seen_instead import ANSWER_TOKENS, MOST_DESCRIBED, Describer
from feedback.judges.vlm import LEAST_MASS, SCALES, Asked, Masses, Shown, ask_model
from feedback.records import Question, Verdict
from feedback.resident import HoldsModel
from feedback.torch_models import INSTALL_HINT

try:
    import torch
except ImportError as error:
    raise FeedbackError(f"the judge 'vlm' needs more packages ({error}): {INSTALL_HINT}") from error

QUESTIONS_AT_ONCE = 8
"""In one forward pass, until the memory turns out too small for it."""

_log = logging.getLogger(__name__)


class LocalVLMJudge(HoldsModel[LocalVLM]):
    """A judge by an image-text-to-text model of transformers: Qwen-VL, LLaVA, Gemma 3, SmolVLM and their like.

    Made from a folder or an id on the hub; its processor is loaded at once, its weights with the first question, once.
    Raises FeedbackError when the model can't be used. A `Resident`.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
        least_mass: Of the probability that must stand on answers, 0..1.
        most_described: Questions of a clip that do not hold, and of which it says what is seen instead.
    """

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        least_mass: float = LEAST_MASS,
        most_described: int = MOST_DESCRIBED,
    ):
        self._held = LocalVLM(model, revision, device, dtype)
        self._answers = {scale.answers: self._held.answer_tokens(scale) for scale in SCALES}
        self._least_mass = least_mass
        self._describer = Describer(self._answer_in_words, most_described)
        self._at_once = QUESTIONS_AT_ONCE
        self._lock = threading.Lock()

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question. Raises FeedbackError when the weights can't be loaded or nothing fits in memory."""
        with self._lock:
            verdicts = ask_model(self._read, clip, questions, self._least_mass)
            return self._describer.describe(clip, questions, verdicts)

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
                        f"one question to {self._held.name} does not fit into the memory of {self._held.device}; "
                        "use a smaller model, or --judge-device cpu"
                    ) from error
                self._at_once = len(some) // 2
                _log.warning("out of memory; asking the judge %d questions at once from now on", self._at_once)
        return readings

    def _forward(self, shown: Shown, asked: Sequence[Asked]) -> list[Masses]:
        inputs = self._held.inputs(shown, [one.text for one in asked])
        with torch.inference_mode():
            logits = self._held.model(**inputs, logits_to_keep=1, use_cache=False).logits[:, -1]
        probabilities = logits.float().softmax(-1).cpu()
        return [
            {answer: float(row[tokens].sum()) for answer, tokens in self._answers[one.scale.answers].items()}
            for one, row in zip(asked, probabilities, strict=True)
        ]

    def _answer_in_words(self, shown: Shown, asked: Sequence[str]) -> list[str]:
        """An answer of a few words to each, as many at once as fit for grading."""
        answers: list[str] = []
        while len(answers) < len(asked):
            inputs = self._held.inputs(shown, asked[len(answers) : len(answers) + self._at_once])
            said = self._held.generate(inputs, ANSWER_TOKENS)[:, inputs["input_ids"].shape[1] :]
            answers += self._held.tokenizer.batch_decode(said, skip_special_tokens=True)
        return answers
