"""A vision language model behind a server that speaks OpenAI's chat completions: vLLM, SGLang, Ollama, LM Studio.

Frames travel as JPEG data URLs, before the question, so that a server with a prefix cache reads them once per clip.
"""

import base64
import logging
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import openai
from numpy.typing import NDArray
from openai.types.chat import ChatCompletion

from feedback.chat_endpoint import ChatEndpoint
from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.judges.seen_instead import ANSWER_TOKENS, MOST_DESCRIBED, Describer
from feedback.judges.vlm import LEAST_MASS, YES_NO, Asked, Masses, Scale, Shown, answer_in, ask_model
from feedback.records import Question, Verdict

KEY_VARIABLES = ("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY", "OPENAI_API_KEY")
"""Environment variables that are looked at for the key, in this order."""
JPEG_QUALITY = 95
WORD_TOKENS = 8
"""Longest answer of a server that gives no probabilities, when one token is no word yet."""

_log = logging.getLogger(__name__)


class _NoAnswerError(Exception):
    """This question got no answer; another one may."""


class EndpointVLMJudge:
    """A judge behind a URL.

    Grades by the `logprobs` of the answer's first token. From a server that gives none it takes the word: P(yes) is
    then 0 or 1 (for a rating, one of five values). A question whose request fails is answered None with the reason; a
    key or model that the server refuses is a FeedbackError. The SDK retries timeouts, 429 and 5xx, `max_retries` times.
    What a server refuses to be told is left out from then on. The key stands in no message and no repr.

    Args:
        base_url: Of most servers it ends in /v1.
        model: As the server calls it.
        api_key: From KEY_VARIABLES unless given.
        least_mass: Of the probability that must stand on answers, 0..1.
        timeout_seconds: Longest wait for one answer.
        max_retries: Of one request.
        concurrency: Questions under way at a time.
        most_described: Questions of a clip that do not hold, and of which it says what is seen instead.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        least_mass: float = LEAST_MASS,
        timeout_seconds: float = 120.0,
        max_retries: int = 2,
        concurrency: int = 4,
        most_described: int = MOST_DESCRIBED,
    ):
        self._endpoint = ChatEndpoint(
            base_url,
            model,
            "the judge",
            key_variables=KEY_VARIABLES,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
        )
        self.base_url, self.model = self._endpoint.url, model
        self._least_mass = least_mass
        self._concurrency = concurrency
        self._wishes: Mapping[str, Any] = {"temperature": 0.0, "logprobs": True, "top_logprobs": 20}
        self._limit = "max_tokens"
        self._gives_words_only = False
        self._describer = Describer(self._answer_in_words, most_described)

    def __repr__(self) -> str:
        return f"EndpointVLMJudge({self.base_url!r}, {self.model!r})"

    def ask(self, clip: Clip, questions: Sequence[Question]) -> list[Verdict]:
        """One verdict per question."""
        verdicts = ask_model(self._read, clip, questions, self._least_mass)
        return self._describer.describe(clip, questions, verdicts)

    def check(self) -> None:
        """Nothing, when the server answers a question about one small picture; FeedbackError otherwise."""
        gray = np.full((64, 64, 3), 128, np.uint8)
        try:
            self._reading([_picture(gray)], Asked(f"Is this picture gray? {YES_NO.instruction}", YES_NO))
        except _NoAnswerError as problem:
            raise FeedbackError(f"the judge gives no answer: {problem}") from None

    def _read(self, shown: Shown, asked: Sequence[Asked]) -> list[Masses | str]:
        pictures = [_picture(frame) for frame in shown.frames]

        def read(one: Asked) -> Masses | str:
            try:
                return self._reading(pictures, one)
            except _NoAnswerError as problem:
                return str(problem)

        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(read, asked))

    def _answer_in_words(self, shown: Shown, asked: Sequence[str]) -> list[str]:
        pictures = [_picture(frame) for frame in shown.frames]

        def answer(text: str) -> str:
            try:
                return _text(self._complete([*pictures, {"type": "text", "text": text}], ANSWER_TOKENS, graded=False))
            except _NoAnswerError:
                return ""

        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(answer, asked))

    def _reading(self, pictures: Sequence[Mapping[str, Any]], asked: Asked) -> Masses:
        content = [*pictures, {"type": "text", "text": asked.text}]
        completion = self._complete(content)
        shares = _first_token(completion)
        if shares:
            return _masses(shares, asked.scale)
        if not self._gives_words_only:
            self._gives_words_only = True
            _log.warning("%s gives no logprobs: the judge answers in words, without degrees", self.base_url)
        answer = _spoken(completion, asked.scale)
        if answer is None:
            completion = self._complete(content, WORD_TOKENS)
            answer = _spoken(completion, asked.scale)
        if answer is None:
            raise _NoAnswerError(f"the model answered {_text(completion)[:60]!r}, not {asked.scale.answers}")
        return {answer: 1.0}

    def _complete(self, content: Sequence[Mapping[str, Any]], tokens: int = 1, graded: bool = True) -> ChatCompletion:
        while True:
            wishes = {name: value for name, value in self._wishes.items() if graded or "logprobs" not in name}
            sent = {self._limit: tokens, **wishes}
            try:
                return self._endpoint.complete([{"role": "user", "content": content}], **sent)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as problem:
                if not graded:
                    raise FeedbackError(str(self._explain(problem))) from None
                if not self._give_way(problem, sent):
                    raise self._explain(problem) from None
            except openai.OpenAIError as problem:
                raise self._explain(problem) from None

    def _give_way(self, problem: openai.APIStatusError, sent: Mapping[str, Any]) -> bool:
        """Leaves out, or lowers, what the server names in its refusal; False when that is nothing of what was sent."""
        said = f"{problem.param or ''} {problem.message}".lower()
        wishes = {name: value for name, value in sent.items() if name not in ("max_tokens", "max_completion_tokens")}
        if "top_logprobs" in said and sent.get("top_logprobs") == 20:
            self._wishes = wishes | {"top_logprobs": 5}
        elif "logprobs" in said and "logprobs" in sent:
            self._wishes = {name: value for name, value in wishes.items() if "logprobs" not in name}
        elif "max_tokens" in said and "max_tokens" in sent:
            self._limit = "max_completion_tokens"
        elif "temperature" in said and "temperature" in sent:
            self._wishes = {name: value for name, value in wishes.items() if name != "temperature"}
        else:
            return False
        return True

    def _explain(self, problem: openai.OpenAIError) -> _NoAnswerError | FeedbackError:
        failure = self._endpoint.explain(problem)
        return (FeedbackError if failure.is_slip else _NoAnswerError)(failure.text)


def _picture(frame: NDArray[np.uint8]) -> dict[str, Any]:
    """The part of a message that holds this frame, [h, w, 3] in RGB."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
    return {"type": "image_url", "image_url": {"url": url}}


def _text(completion: ChatCompletion) -> str:
    message = completion.choices[0].message
    return (message.content or message.refusal or "").strip()


def _spoken(completion: ChatCompletion, scale: Scale) -> str | None:
    """The word of the scale that the answer begins with."""
    words = re.findall(r"\w+", _text(completion))
    return answer_in(words[0], scale) if words else None


def _first_token(completion: ChatCompletion) -> dict[str, float]:
    """Probability by token of what the answer begins with, as far as the server tells; empty when it does not."""
    given = completion.choices[0].logprobs
    if given is None or not given.content:
        return {}
    first = given.content[0]
    try:
        return {one.token: math.exp(min(0.0, one.logprob)) for one in (first, *(first.top_logprobs or ()))}
    except (TypeError, AttributeError):
        raise _NoAnswerError("the server's logprobs can't be read") from None


def _masses(shares: Mapping[str, float], scale: Scale) -> Masses:
    masses = dict.fromkeys(scale.worth, 0.0)
    for token, share in shares.items():
        answer = answer_in(token, scale)
        if answer is not None:
            masses[answer] += share
    return masses
