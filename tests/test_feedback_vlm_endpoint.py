"""The judge by a vision language model behind an OpenAI-compatible server, over real sockets on loopback."""

import base64
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conformance_judge as conformance
import numpy as np
import pytest
from drawing import Thing, draw_clip
from fakes import fast_config
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from serve import Answer, FakeOpenAI, Handler, completion, failure, fake_openai

from agent.run import begin_run
from agent.trajectory import read_trajectory
from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.judges.seen_instead import ANSWER_TOKENS, clean
from feedback.judges.vlm import FRAMES
from feedback.judges.vlm_endpoint import WORD_TOKENS, EndpointVLMJudge
from feedback.records import Question
from feedback.registry import open_judge

CLIP = draw_clip([Thing(dx=3)], background="white")
THERE = Question(id="a", kind="object", text="Is there a red circle?", phrase="red circle", subject="red circle")
STYLE = Question(id="b", kind="style", text="Is the style of the video: noir?", phrase="noir", value="noir")
MOVES = Question(id="c", kind="action", text="Does it move?", phrase="moves", subject="red circle", value="moves")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return


def graded(**shares: float) -> Answer:
    """An answer with logprobs for these tokens; `_` before a token stands for a space."""
    tops = [
        {"token": token.replace("_", " "), "logprob": math.log(share), "bytes": None} for token, share in shares.items()
    ]
    status, body = completion(tops[0]["token"])
    assert isinstance(body, dict)
    body["choices"][0]["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}], "refusal": None}
    return status, body


def judge(server: FakeOpenAI, **settings: Any) -> EndpointVLMJudge:
    return EndpointVLMJudge(server.base_url, "vlm-1", **{"max_retries": 0, "timeout_seconds": 5.0} | settings)


def text_of(request: dict[str, Any]) -> str:
    return request["messages"][0]["content"][-1]["text"]


def ask_one(*answers: Answer | Handler, question: Question = THERE, **settings: Any) -> tuple[float | None, str]:
    """P(yes) and what is said of it."""
    with fake_openai(*answers) as server:
        (verdict,) = judge(server, **{"most_described": 0} | settings).ask(CLIP, [question])
    return verdict.p_yes, verdict.seen


def instead(grade: Answer, *words: Answer) -> Handler:
    """Grades with `grade`, and answers questions in words with `words` in turn."""
    said = iter(words)
    return lambda request, server: grade if "top_logprobs" in request else next(said)


def test_it_is_a_judge() -> None:
    with fake_openai(graded(Yes=0.7, No=0.2)) as server:
        still = Clip(CLIP.frames[:1], CLIP.fps)
        conformance.check_one_verdict_per_question(judge(server), still, THERE, MOVES)
        conformance.check_what_it_cannot_see_has_a_reason(judge(server), still, MOVES)
        conformance.check_it_repeats_itself(judge(server), still, THERE)


def test_the_server_gets_the_frames_as_jpeg_in_order_and_then_the_question() -> None:
    with fake_openai(graded(Yes=0.9)) as server:
        judge(server).ask(CLIP, [THERE])
    (request,) = server.requests
    *pictures, question = request["messages"][0]["content"]
    assert len(pictures) == FRAMES
    assert THERE.text in question["text"]
    reds = []
    for part in pictures:
        head, _, data = part["image_url"]["url"].partition(",")
        assert head == "data:image/jpeg;base64"
        frame = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), int)
        assert frame.shape == (CLIP.height, CLIP.width, 3)
        reds.append(np.argwhere((frame[..., 0] > 180) & (frame[..., 1] < 90))[:, 1].mean())
    assert reds == sorted(reds)
    assert reds[-1] - reds[0] > 20
    assert request["max_tokens"] == 1
    assert request["temperature"] == 0
    assert request["logprobs"] is True


def test_p_yes_is_read_from_the_logprobs_all_spellings_together() -> None:
    p_yes, _ = ask_one(graded(Yes=0.5, _yes=0.1, No=0.15, no=0.05, Maybe=0.2))
    assert p_yes == pytest.approx(0.6 / 0.8)


def test_a_rating_is_the_expected_digit() -> None:
    p_yes, _ = ask_one(graded(**{"4": 0.5, "5": 0.5}), question=STYLE)
    assert p_yes == pytest.approx(0.875)


def test_logprobs_on_other_words_are_no_answer() -> None:
    p_yes, said = ask_one(graded(The=0.8, Yes=0.1, No=0.1))
    assert p_yes is None
    assert said == "the model put 20% of its probability on yes or no: it was not answering"


@pytest.mark.parametrize(
    ("text", "expected"), [("Yes", 1.0), ("no.", 0.0), ("**Yes**, there is", 1.0), (" No, it", 0.0)]
)
def test_words_are_taken_where_there_are_no_logprobs(text: str, expected: float) -> None:
    assert ask_one(completion(text)) == (expected, "")


def test_more_words_are_asked_for_only_where_one_token_is_none() -> None:
    def answer(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        return completion("**Yes**, I see" if request["max_tokens"] > 1 else "**")

    with fake_openai(answer) as server:
        (verdict,) = judge(server).ask(CLIP, [THERE])
    assert verdict.p_yes == 1.0
    assert [request["max_tokens"] for request in server.requests] == [1, WORD_TOKENS]


@pytest.mark.parametrize("text", ["Perhaps", "", "<think>The user", "I can't help with that."])
def test_other_words_are_no_answer_and_the_reason_says_which(text: str) -> None:
    p_yes, said = ask_one(completion(text))
    assert p_yes is None
    assert said == f"the model answered {text!r}, not yes or no"


def refusing(*parameters: str) -> Handler:
    """A server that refuses these parameters, one after the other, and then grades (or answers a word)."""

    def answer(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        for name in parameters:
            wanted, _, most = name.partition("<=")
            if wanted in request and (not most or request[wanted] > int(most)):
                return failure(400, f"Unsupported parameter: {wanted}", param=wanted)
        return graded(Yes=0.9, No=0.1) if "logprobs" in request else completion("Yes")

    return answer


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (("temperature",), 0.9),
        (("max_tokens",), 0.9),
        (("top_logprobs<=5",), 0.9),
        (("top_logprobs",), 1.0),
        (("logprobs", "max_tokens", "temperature"), 1.0),
    ],
)
def test_what_a_server_refuses_to_be_told_is_left_out_from_then_on(refused: tuple[str, ...], expected: float) -> None:
    with fake_openai(refusing(*refused)) as server:
        obliging = judge(server)
        (verdict,) = obliging.ask(CLIP, [THERE])
        before = len(server.requests)
        obliging.ask(CLIP, [THERE])
        assert len(server.requests) == before + 1
    assert verdict.p_yes == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(503, "loading the model"), "answered 503: loading the model"),
        (failure(429, "slow down"), "answered 429: slow down"),
        (failure(400, "too many images"), "answered 400: too many images"),
        ((200, "<html>hello</html>"), "no chat completion"),
        ((200, {"choices": []}), "no chat completion"),
        ((200, {"hello": 1}), "no chat completion"),
    ],
)
def test_a_failed_request_leaves_its_question_unanswered_with_the_reason(answer: Answer, said: str) -> None:
    p_yes, why = ask_one(answer)
    assert p_yes is None
    assert said in why
    assert "\n" not in why


def test_one_failure_does_not_touch_the_other_questions_and_order_is_kept() -> None:
    questions = [THERE.model_copy(update={"id": f"q{n}", "text": f"Is there thing {n}?"}) for n in range(9)]

    def answer(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        number = int(text_of(request).partition("thing ")[2][0])
        return failure(500, "oops") if number == 4 else graded(yes=(number + 1) / 20, no=0.5)

    with fake_openai(answer) as server:
        verdicts = judge(server).ask(CLIP, questions)
    assert [verdict.question_id for verdict in verdicts] == [question.id for question in questions]
    for number, verdict in enumerate(verdicts):
        share = (number + 1) / 20
        assert verdict.p_yes == (None if number == 4 else pytest.approx(share / (share + 0.5)))


def test_no_more_questions_are_under_way_than_allowed() -> None:
    under_way, most = set[int](), [0]

    def answer(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        under_way.add(id(request))
        most[0] = max(most[0], len(under_way))
        server.released.wait(0.05)
        under_way.discard(id(request))
        return graded(yes=0.9)

    with fake_openai(answer) as server:
        judge(server, concurrency=2).ask(CLIP, [THERE] * 8)
    assert most[0] == 2


def test_a_slow_server_leaves_the_question_unanswered() -> None:
    def sleeps(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        server.released.wait(30)
        return graded(Yes=0.9)

    p_yes, said = ask_one(sleeps, timeout_seconds=0.2)
    assert p_yes is None
    assert "did not answer within 0.2 s" in said


def test_a_wrong_key_or_model_is_an_error_that_does_not_show_the_key() -> None:
    for status, said in ((401, "the key was refused; set RETAKE_JUDGE_API_KEY"), (404, "knows no model 'vlm-1'")):
        with fake_openai(failure(status, "no: sk-secret")) as server, pytest.raises(FeedbackError) as slip:
            judge(server, api_key="sk-secret").ask(CLIP, [THERE])
        assert said in str(slip.value)
        assert "sk-secret" not in str(slip.value) + repr(judge(server, api_key="sk-secret"))


def test_the_judges_own_key_comes_before_the_rewriters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_API_KEY", "rewriters")
    monkeypatch.setenv("RETAKE_JUDGE_API_KEY", "judges")
    with fake_openai(graded(Yes=0.9)) as server:
        judge(server).ask(CLIP, [THERE])
    assert server.headers[0]["authorization"] == "Bearer judges"


def test_the_registry_asks_one_small_question_first() -> None:
    with fake_openai(graded(Yes=0.9)) as server:
        opened = open_judge("vlm-endpoint", model="vlm-1", base_url=server.base_url)
        assert isinstance(opened, EndpointVLMJudge)
        (request,) = server.requests
    assert request["messages"][0]["content"][0]["type"] == "image_url"
    assert len(json.dumps(request)) < 5000


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(400, "this model takes no images"), "the judge gives no answer: .*takes no images"),
        (completion("Grey, I think"), "the judge gives no answer: the model answered"),
    ],
)
def test_a_server_that_cannot_judge_is_refused_when_opened(answer: Answer, said: str) -> None:
    with fake_openai(answer) as server, pytest.raises(FeedbackError, match=said):
        open_judge("vlm-endpoint", model="vlm-1", base_url=server.base_url)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "http://[", "http://user:pass@"])
def test_what_is_no_address_is_said_in_a_line(url: str) -> None:
    with pytest.raises(FeedbackError, match="base URL") as slip:
        EndpointVLMJudge(url, "vlm-1")
    assert "pass" not in str(slip.value)


def test_an_address_where_nobody_answers_is_refused_when_opened() -> None:
    with pytest.raises(FeedbackError, match=r"can't reach http://127\.0\.0\.1:9/v1"):
        open_judge("vlm-endpoint", model="vlm-1", base_url="http://127.0.0.1:9/v1")


def test_both_address_and_model_are_needed() -> None:
    with pytest.raises(FeedbackError, match="needs --judge-base-url and --judge-model"):
        open_judge("vlm-endpoint", model="vlm-1")


def test_in_a_run_its_grades_are_the_alignment_and_its_key_stands_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAKE_JUDGE_API_KEY", "sk-judge")
    with fake_openai(graded(Yes=0.8, No=0.2)) as server:
        config = fast_config(
            assess__judge="vlm-endpoint", assess__judge_base_url=server.base_url, assess__judge_model="vlm-1",
            assess__sources=["alignment"],
        )  # fmt: skip
        result = begin_run("a red ball moves to the right", config, tmp_path, "run").execute()
        assert server.headers[-1]["authorization"] == "Bearer sk-judge"
    assert result.best_score == pytest.approx(0.8)
    assert read_trajectory(tmp_path / "run").renders
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"sk-judge" in path.read_bytes()]
    assert [path for path in files if b"vlm-1" in path.read_bytes()]


QUESTIONS = [THERE.model_copy(update={"id": f"q{n}", "text": f"Is there thing {n}?"}) for n in range(5)]


def test_what_is_seen_instead_is_asked_in_one_request_and_put_into_the_verdict() -> None:
    with fake_openai(instead(graded(no=0.9), completion("Instead, I see a blue square.\nIt is large."))) as server:
        (verdict,) = judge(server).ask(CLIP, [THERE])
    assert verdict.p_yes == 0
    assert verdict.seen == "a blue square"
    (_, request) = server.requests
    assert request["max_tokens"] == ANSWER_TOKENS
    assert "logprobs" not in request
    assert THERE.text in text_of(request)
    assert len(request["messages"][0]["content"]) == FRAMES + 1


def test_only_the_few_that_hold_least_are_asked_about() -> None:
    def answer(request: dict[str, Any], server: FakeOpenAI) -> Answer:
        number = int(text_of(request).partition("thing ")[2][0])
        if "top_logprobs" in request:
            return graded(yes=(number + 1) / 10, no=0.5)
        return completion(f"thing {number} is red")

    with fake_openai(answer) as server:
        verdicts = judge(server, most_described=2).ask(CLIP, QUESTIONS)
    assert [verdict.seen for verdict in verdicts] == ["thing 0 is red", "thing 1 is red", "", "", ""]
    assert len(server.requests) == len(QUESTIONS) + 2


def test_what_holds_or_is_not_wanted_costs_no_request() -> None:
    for grade, wishes in ((graded(yes=0.9), {}), (graded(no=0.9), {"most_described": 0})):
        with fake_openai(grade) as server:
            judge(server, **wishes).ask(CLIP, [THERE])
        assert len(server.requests) == 1


def test_a_server_that_refuses_to_say_it_in_words_still_grades_and_is_not_asked_again() -> None:
    with fake_openai(instead(graded(no=0.9), failure(400, "one token only"))) as server:
        once = judge(server)
        assert [once.ask(CLIP, [THERE])[0].p_yes for _ in range(2)] == [0, 0]
    assert len(server.requests) == 3


def test_a_request_in_words_that_fails_for_now_is_made_again_with_the_next_clip() -> None:
    with fake_openai(instead(graded(no=0.9), failure(503, "busy"), completion("a dog"))) as server:
        once = judge(server)
        assert [once.ask(CLIP, [THERE])[0].seen for _ in range(2)] == ["", "a dog"]


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("A blue square.", "A blue square"),
        ('"a cat on a sofa"', "a cat on a sofa"),
        ("The video shows a dog running.", "a dog running"),
        ("No, there is a green ball.", "a green ball"),
        ("\n  I can see   two cats\nand a dog", "two cats"),
        ("No.", ""),
        ("", ""),
        ("I don’t know", ""),
        ("word " * 40, "word " * 16 + "…"),
    ],
)
def test_an_answer_is_cut_to_a_phrase(answer: str, phrase: str) -> None:
    assert clean(answer) == phrase


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_answer_is_cut_to_one_short_line(answer: str) -> None:
    phrase = clean(answer)
    assert "\n" not in phrase
    assert len(phrase) <= 82
    assert phrase == phrase.strip()
