"""A model behind a server: the same failure in the same words, whoever asks, and no key or password in them."""

from collections.abc import Iterator

import openai
import pytest
from drawing import Thing, draw_clip
from serve import Answer, FakeOpenAI, completion, failure, fake_openai, free_port

from agent.errors import ModelError, UsageError
from agent.llm.openai_compatible import OpenAICompatible
from feedback.chat_endpoint import ChatEndpoint, NoChatError, checked_url
from feedback.errors import FeedbackError
from feedback.judges.vlm_endpoint import EndpointVLMJudge
from feedback.records import Question
from feedback.server_key import find_key, quote

KEY = "sk-secret-0123456789"
ASK = [{"role": "user", "content": "Say OK."}]
NO_CHAT: list[Answer] = [
    (200, "<html>Welcome</html>"),
    (200, {"choices": []}),
    (200, {"choices": [{"index": 0, "message": None}]}),
    (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return


def connect(base_url: str, key: str | None = None, timeout_seconds: float = 10.0) -> ChatEndpoint:
    return ChatEndpoint(
        base_url,
        "fake-1",
        "the judge",
        key_variables=("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY"),
        api_key=key,
        timeout_seconds=timeout_seconds,
        max_retries=0,
    )


def what_the_rewriter_is_told(server: FakeOpenAI) -> tuple[str, bool]:
    """In words, and whether it is the user's slip."""
    with pytest.raises((ModelError, UsageError)) as caught:
        OpenAICompatible(server.base_url, "fake-1", max_retries=0, api_key=KEY).reply(
            [{"role": "user", "content": "Say OK."}]
        )
    return str(caught.value), isinstance(caught.value, UsageError)


def what_the_judge_is_told(server: FakeOpenAI) -> tuple[str, bool]:
    judge = EndpointVLMJudge(server.base_url, "fake-1", max_retries=0, api_key=KEY)
    question = Question(id="a", kind="object", text="Is there a red circle?", phrase="red circle", subject="red circle")
    try:
        (verdict,) = judge.ask(draw_clip([Thing(dx=3)], background="white"), [question])
    except FeedbackError as slip:
        return str(slip), True
    assert verdict.p_yes is None
    return verdict.seen, False


@pytest.mark.parametrize(
    ("answer", "is_slip"),
    [
        (failure(403, "no"), True),
        (failure(404, "no such model"), True),
        (failure(429, "slow down"), False),
        (failure(500, f"crash with {KEY}"), False),
        ((502, "<html>Bad gateway</html>"), False),
        *((answer, False) for answer in NO_CHAT),
    ],
)
def test_rewriter_and_judge_are_told_the_same_of_the_same_failure(answer: Answer, is_slip: bool) -> None:
    with fake_openai(answer) as server:
        told = what_the_judge_is_told(server)
        assert what_the_rewriter_is_told(server) == (told[0].replace("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY"), is_slip)
    assert told[1] == is_slip
    assert server.base_url in told[0]
    assert KEY not in told[0]


@pytest.mark.parametrize("answer", NO_CHAT)
def test_what_is_no_chat_completion_is_never_handed_on(answer: Answer) -> None:
    with fake_openai(answer) as server, pytest.raises(NoChatError, match="no chat completion"):
        connect(server.base_url).complete(ASK)


def test_without_a_key_the_server_is_said_to_want_one() -> None:
    with fake_openai(failure(401, "who are you?")) as server:
        for key, said in ((None, "it wants a key"), (KEY, "the key was refused")):
            endpoint = connect(server.base_url, key)
            with pytest.raises(openai.AuthenticationError) as refused:
                endpoint.complete(ASK)
            failed = endpoint.explain(refused.value)
            assert failed.is_slip
            assert failed.text == f"{server.base_url}: {said}; set RETAKE_JUDGE_API_KEY to a key that may use 'fake-1'"


def test_silence_and_absence_are_told_apart() -> None:
    def wait(request: object, server: FakeOpenAI) -> Answer:
        server.released.wait(20)
        return completion("late")

    absent = connect(f"http://127.0.0.1:{free_port()}/v1")
    with fake_openai(wait) as server:
        silent = connect(server.base_url, timeout_seconds=0.2)
        for endpoint, said in ((silent, "did not answer within 0.2 s"), (absent, "can't reach")):
            with pytest.raises(openai.APIConnectionError) as caught:
                endpoint.complete(ASK)
            assert said in endpoint.explain(caught.value).text
            assert not endpoint.explain(caught.value).is_slip


@pytest.mark.parametrize("url", ["http://me:hunter2@", "http://me:hunter2@[::1", "ftp://me:hunter2@host/v1"])
def test_what_is_no_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(FeedbackError, match="the judge's base URL is") as caught:
        connect(url)
    assert "hunter2" not in str(caught.value)


def test_a_url_is_shown_without_its_password_and_a_key_not_at_all() -> None:
    assert checked_url("https://me:hunter2@host:8000/v1", "the judge") == "https://host:8000/v1"
    endpoint = connect("http://me:hunter2@127.0.0.1:1/v1", KEY)
    assert repr(endpoint) == "ChatEndpoint('http://127.0.0.1:1/v1', 'fake-1')"


def test_the_first_variable_that_holds_a_key_gives_it_and_blanks_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("RETAKE_JUDGE_API_KEY", "RETAKE_API_KEY")
    assert find_key(names) is None
    monkeypatch.setenv("RETAKE_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("RETAKE_JUDGE_API_KEY", "  ")
    assert find_key(names) == KEY
    assert find_key(names, "sk-given") == "sk-given"


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown() -> None:
    with pytest.raises(FeedbackError, match="RETAKE_API_KEY has spaces or characters that no key has") as caught:
        find_key(["RETAKE_API_KEY"], "sk-one\nsk-two")
    assert "sk-" not in str(caught.value)


def test_a_quote_is_one_short_line_without_the_key() -> None:
    assert quote(f"no:\n  {KEY}  is\tunknown", KEY) == "no: *** is unknown"
    assert quote("x" * 400, None) == "x" * 299 + "…"
    assert KEY not in quote("x" * 290 + KEY, KEY)
