"""VideoScore2: a reward model that watches a clip, gives its reasons and three scores (arXiv 2509.22799).

It is a Qwen2.5-VL of 7 B parameters, trained on people's ratings of 27,168 generated videos, and runs in this process.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.judges.local_vlm import LocalVLM
from feedback.judges.vlm import RATING, Shown, show
from feedback.records import Feedback, Question, Score
from feedback.resident import HoldsModel
from feedback.torch_models import INSTALL_HINT
from feedback.videoscore2_answer import DIMENSIONS, OWN_TEMPLATE, Answer, instruction, read_answer, read_template

try:
    import torch
except ImportError as error:
    raise FeedbackError(f"the source 'videoscore2' needs more packages ({error}): {INSTALL_HINT}") from error

MODEL = "TIGER-Lab/VideoScore2"
FRAMES_PER_SECOND = 2.0
"""Of the clip, as the model's card has it."""
LEAST_FRAMES, MOST_FRAMES = 4, 64
LONG_SIDE = 784
"""Of a frame in px, at most: about the 768 x 28 x 28 px that the authors' reader of videos leaves of one."""
TEMPERATURE = 0.7
MOST_TOKENS = 1024
"""Longest answer; both as on the card."""
_LOW = 0.5
_SEED = 0


class VideoScore2Source(HoldsModel[LocalVLM]):
    """Scores 0..1 what VideoScore2 rates 1 to 5: visual quality, alignment with the text, physical consistency.

    The leading score is their mean. Each is the expected digit, by the probability of the digits 1 to 5 where the
    answer's own digit stands. The answer is drawn with a fixed seed, so that the same clip gets the same one on the
    same machine. Unscored, with the reason, when the answer has no such scores. A `Resident`.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
        template: File with the instruction, $t2v_prompt in it; ours without.
        temperature: Of the drawing, above 0; 0 takes the likeliest word each time.
        most_tokens: Longest answer.
    """

    name = "videoscore2"

    def __init__(
        self,
        model: str = MODEL,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        template: str | Path | None = None,
        temperature: float = TEMPERATURE,
        most_tokens: int = MOST_TOKENS,
    ):
        self._template = read_template(Path(template).expanduser()) if template else OWN_TEMPLATE
        self._held = LocalVLM(model, revision, device, dtype)
        self._digits = self._held.answer_tokens(RATING)
        self._temperature = temperature
        self._most_tokens = most_tokens
        self._lock = threading.Lock()

    def assess(self, clip: Clip, prompt: str, checklist: Sequence[Question]) -> Feedback:  # noqa: ARG002
        """Feedback by the model's three scores; its reasons are the critique when one of them is low.

        Raises FeedbackError when the weights can't be loaded or one clip does not fit in memory.
        """
        shown = show(clip, _frames(clip), LONG_SIDE)
        with self._lock:
            tokens, logits = self._answer(shown, instruction(self._template, prompt))
        # Letters of several bytes are broken in pieces, so digits are sought in these and reasons in the whole.
        pieces = [self._held.tokenizer.decode([token], skip_special_tokens=True) for token in tokens]
        text = self._held.tokenizer.decode(tokens, skip_special_tokens=True)
        answer, reasons = read_answer("".join(pieces)), read_answer(text).reasons
        scores = [self._score(name, answer, pieces, logits) for name in DIMENSIONS]
        known = [score.value for score in scores if score.value is not None]
        why = "" if len(known) == len(scores) else self._why_none(answer, text, len(tokens))
        leading = Score(name=self.name, value=None if why else sum(known) / len(known), why=why)
        return Feedback(
            source=self.name,
            scores=[leading, *scores],
            critique=_critique(scores, answer, reasons),
            evidence={
                "digits": dict(answer.digits),
                "reasons": reasons,
                "frames_shown": len(shown.frames),
                "tokens_out": len(tokens),
            },
        )

    def _answer(self, shown: Shown, text: str) -> tuple[list[int], Sequence[torch.Tensor]]:
        """The answer's tokens, and for each the logits it was drawn from, before the temperature: [1, vocabulary]."""
        settings: dict[str, Any] = {"do_sample": True, "temperature": self._temperature} if self._temperature else {}
        devices = [self._held.device] if self._held.device.type != "cpu" else []
        try:
            inputs = self._held.inputs(shown, [text])
            with torch.random.fork_rng(devices):
                torch.manual_seed(_SEED)
                said = self._held.generate(
                    inputs, self._most_tokens, output_logits=True, return_dict_in_generate=True, **settings
                )
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise FeedbackError(
                f"one clip does not fit into the memory of {self._held.device} with {self._held.name}"
            ) from error
        return said.sequences[0, inputs["input_ids"].shape[1] :].tolist(), said.logits

    def _score(self, name: str, answer: Answer, pieces: Sequence[str], logits: Sequence[torch.Tensor]) -> Score:
        """The expected digit as 0..1, among the digits 1 to 5."""
        if name not in answer.digits:
            return Score(name=name, value=None, why=f"the model's answer gives no {DIMENSIONS[name]} from 1 to 5")
        odds = logits[_token_at(answer.places[name], pieces)][0].float().softmax(-1).cpu()
        shares = {digit: float(odds[tokens].sum()) for digit, tokens in self._digits.items()}
        expected = sum(RATING.worth[digit] * share for digit, share in shares.items()) / sum(shares.values())
        return Score(name=name, value=min(1.0, max(0.0, expected)))

    def _why_none(self, answer: Answer, text: str, tokens: int) -> str:
        missing = ", ".join(answer.missing)
        if tokens >= self._most_tokens:
            return f"the model's answer was cut off at {tokens} tokens, before its {missing}"
        return f"the model's answer gives no {missing} from 1 to 5: {' '.join(text.split())[:80]!r}"


def _frames(clip: Clip) -> int:
    return min(MOST_FRAMES, max(LEAST_FRAMES, round(FRAMES_PER_SECOND * clip.duration_seconds)))


def _token_at(place: int, pieces: Sequence[str]) -> int:
    """The number of the token that the letter at `place` of their text belongs to."""
    end = 0
    for number, piece in enumerate(pieces):
        end += len(piece)
        if place < end:
            return number
    raise IndexError(place)


def _critique(scores: Sequence[Score], answer: Answer, reasons: str) -> str:
    low = [score.name for score in scores if score.value is not None and score.value < _LOW]
    if not low:
        return ""
    said = "VideoScore2 rates " + ", ".join(f"{DIMENSIONS[name]} {answer.digits[name]} of 5" for name in low)
    return f"{said}: {reasons}" if reasons else said
