import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conformance_language_model import MESSAGES, SCHEMA, LanguageModelConformance
from serve import FakeOpenAI, completion, failure, fake_openai, free_port, transformers_serve

from agent.errors import ModelError, UsageError
from agent.llm.openai_compatible import OpenAICompatible
from agent.llm.registry import open_language_model
from agent.llm.scripted import ScriptedLanguageModel

KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETAKE_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def connect(server: FakeOpenAI, **settings) -> OpenAICompatible:
    return OpenAICompatible(server.base_url, "fake-1", **({"max_retries": 0, "timeout_seconds": 10} | settings))


class TestScripted(LanguageModelConformance):
    @pytest.fixture
    def model(self) -> ScriptedLanguageModel:
        return ScriptedLanguageModel(lambda messages, seed: f"{messages[-1]['content']} {seed}")


class TestFakeServer(LanguageModelConformance):
    @pytest.fixture
    def model(self) -> Iterator[OpenAICompatible]:
        with fake_openai(lambda request, _: completion(f"blue {request.get('seed')}")) as server:
            yield connect(server)


class TestRealServer(LanguageModelConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
        with transformers_serve(tmp_path_factory.mktemp("serve")) as address:
            yield address

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, served: tuple[str, str]) -> OpenAICompatible:
        return OpenAICompatible(*served, temperature=1.0, max_tokens=12, max_retries=0)

    def test_counts_what_was_read_and_written(self, model: OpenAICompatible) -> None:
        reply = model.reply(MESSAGES)
        assert reply.tokens_in is not None
        assert reply.tokens_in > 20
        assert reply.tokens_out == 12

    def test_the_check_passes(self, model: OpenAICompatible) -> None:
        model.check()

    def test_another_model_name_is_the_users_slip(self, served: tuple[str, str]) -> None:
        with pytest.raises(UsageError, match="no-such-model"):
            OpenAICompatible(served[0], "no-such-model", max_retries=0).check()


def test_sends_what_the_port_promises() -> None:
    with fake_openai(completion("blue")) as server:
        reply = connect(server, temperature=0.3, max_tokens=99).reply(MESSAGES, seed=4, schema=SCHEMA)
    request = server.requests[0]
    assert request["model"] == "fake-1"
    assert request["messages"] == MESSAGES
    assert (request["seed"], request["temperature"], request["max_tokens"]) == (4, 0.3, 99)
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.finish_reason) == ("blue", 11, 7, "stop")


def test_no_schema_no_response_format() -> None:
    with fake_openai(completion("blue")) as server:
        connect(server).reply(MESSAGES)
    assert "response_format" not in server.requests[0]
    assert "seed" not in server.requests[0]


def formats(server: FakeOpenAI) -> list[str | None]:
    return [request.get("response_format", {}).get("type") for request in server.requests]


def test_a_server_that_refuses_all_formats_is_asked_without_and_remembered() -> None:
    def refuse(request, _):
        return failure(400, "response_format is not supported") if "response_format" in request else completion("{}")

    with fake_openai(refuse) as server:
        model = connect(server)
        assert model.reply(MESSAGES, schema=SCHEMA).text == "{}"
        assert model.reply(MESSAGES, schema=SCHEMA).text == "{}"
    assert formats(server) == ["json_schema", "json_object", None, None]


def test_a_server_that_knows_no_schemas_is_asked_for_plain_json_from_then_on() -> None:
    """DeepSeek's words, which name the parameter and nothing else."""

    def refuse(request, _):
        kind = request.get("response_format", {}).get("type")
        return (
            failure(400, "This response_format type is unavailable now") if kind == "json_schema" else completion("{}")
        )

    with fake_openai(refuse) as server:
        model = connect(server)
        assert model.reply(MESSAGES, schema=SCHEMA).text == "{}"
        assert model.reply(MESSAGES, schema=SCHEMA).text == "{}"
    assert formats(server) == ["json_schema", "json_object", "json_object"]


def test_a_server_that_takes_schemas_is_never_asked_for_less() -> None:
    """LM Studio refuses plain JSON, with an error that is a string and no object."""

    def refuse(request, _):
        kind = request.get("response_format", {}).get("type")
        words = "'response_format.type' must be 'json_schema' or 'text'"
        return (400, {"error": words}) if kind == "json_object" else completion("{}")

    with fake_openai(refuse) as server:
        assert connect(server).reply(MESSAGES, schema=SCHEMA).text == "{}"
    assert formats(server) == ["json_schema"]


def test_an_error_that_is_a_bare_string_is_told_in_its_words() -> None:
    refusal = 400, {"error": "No models loaded. Please load a model."}
    with fake_openai(refusal) as server, pytest.raises((ModelError, UsageError)) as caught:
        connect(server).reply(MESSAGES)
    assert str(caught.value).endswith(": No models loaded. Please load a model.")


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 600 tokens",
        "Trying to keep the first 900 tokens when context the overflows.",
        "the request exceeds the available context size, try increasing it",
        "Requested tokens (900) exceed context window of 512",
    ],
)
def test_a_chat_that_is_too_long_is_told_and_costs_no_parameter(words: str) -> None:
    """vLLM names max_tokens in this error; taken for a refused parameter, the limit was lost for good."""
    with fake_openai(failure(400, words), completion("blue")) as server:
        model = connect(server)
        with pytest.raises(ModelError, match="lower --max-tokens or serve the model with a longer one"):
            model.reply(MESSAGES, seed=1)
        model.reply(MESSAGES, seed=1)
    assert server.requests[0] == server.requests[1]


def test_a_prompt_of_no_tokens_was_not_counted() -> None:
    """Older Ollamas counted a prompt that it had in its cache as 0."""
    usage = {"prompt_tokens": 0, "completion_tokens": 7, "total_tokens": 7}
    status, body = completion("blue")
    assert isinstance(body, dict)
    with fake_openai((status, body | {"usage": usage})) as server:
        reply = connect(server).reply(MESSAGES)
    assert (reply.tokens_in, reply.tokens_out) == (None, 7)


def test_a_message_in_parts_is_its_text_without_its_thoughts() -> None:
    """As Mistral's thinking models answer."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "blue"}]
    status, body = completion("")
    assert isinstance(body, dict)
    body["choices"][0]["message"]["content"] = parts
    with fake_openai((status, body)) as server:
        assert connect(server).reply(MESSAGES).text == "blue"


def test_thoughts_that_used_up_all_tokens_are_a_reply_that_was_cut_off() -> None:
    """Ollama gives thoughts in a field of their own; no text is left."""
    with fake_openai(completion("", finish_reason="length")) as server:
        reply = connect(server).reply(MESSAGES)
    assert (reply.text, reply.finish_reason) == ("", "length")


def test_a_server_that_wants_max_completion_tokens_gets_them() -> None:
    def refuse(request, _):
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return failure(400, message, param="max_tokens") if "max_tokens" in request else completion("blue")

    with fake_openai(refuse) as server:
        assert connect(server, max_tokens=50).reply(MESSAGES).text == "blue"
    assert server.requests[-1]["max_completion_tokens"] == 50


def test_a_refused_seed_is_told() -> None:
    def refuse(request, _):
        return failure(400, "unknown field seed") if "seed" in request else completion("blue")

    with fake_openai(refuse) as server:
        assert connect(server).reply(MESSAGES, seed=4).seed is None


def test_a_refused_request_does_not_go_round_for_ever() -> None:
    with fake_openai(failure(400, "no")) as server, pytest.raises(ModelError, match="400"):
        connect(server).reply(MESSAGES, seed=1, schema=SCHEMA)
    assert len(server.requests) == 3


def test_missing_usage_is_none_and_not_zero() -> None:
    with fake_openai(completion("blue", usage=None)) as server:
        reply = connect(server).reply(MESSAGES)
    assert reply.tokens_in is None
    assert reply.tokens_out is None


def test_a_refusal_and_a_content_filter_are_told() -> None:
    with fake_openai(completion(None, refusal="I can't.", finish_reason="content_filter")) as server:
        reply = connect(server).reply(MESSAGES)
    assert (reply.text, reply.refusal, reply.finish_reason) == ("", "I can't.", "content_filter")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_fault_is_tried_again(status: int) -> None:
    with fake_openai(failure(status, "busy"), completion("blue")) as server:
        assert connect(server, max_retries=1).reply(MESSAGES).text == "blue"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (failure(401, f"Incorrect API key provided: {KEY}"), UsageError, "RETAKE_API_KEY"),
        (failure(403, "no"), UsageError, "RETAKE_API_KEY"),
        (failure(404, "The model `fake-1` does not exist"), UsageError, "fake-1"),
        (failure(400, "model fake-1 is not loaded"), UsageError, "fake-1"),
        (failure(429, "slow down"), ModelError, "429"),
        (failure(429, "pay", code="insufficient_quota"), UsageError, "quota"),
        (failure(500, f"crash with {KEY}"), ModelError, "500"),
        ((200, "<html>Welcome</html>"), ModelError, "/v1"),
        ((200, {"choices": []}), ModelError, "/v1"),
        ((200, {"choices": [{"index": 0, "message": None}]}), ModelError, "/v1"),
        ((200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}), ModelError, "/v1"),
    ],
)
def test_faults_are_told_in_one_sentence_with_the_url_and_without_the_key(answer, error, told) -> None:
    with fake_openai(answer) as server:
        with pytest.raises((ModelError, UsageError)) as caught:
            connect(server, api_key=KEY).reply(MESSAGES)
        with pytest.raises(UsageError):
            connect(server, api_key=KEY).check()
    message = str(caught.value)
    assert type(caught.value) is error
    assert told in message
    assert server.base_url in message
    assert KEY not in message
    assert "\n" not in message


def test_an_answer_that_was_torn_is_told() -> None:
    class Torn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"choices": [{"mess')

        def log_message(self, format: str, *arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Torn) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        model = OpenAICompatible(f"http://127.0.0.1:{server.server_port}/v1", "m", max_retries=0)
        try:
            with pytest.raises(ModelError, match="no JSON"):
                model.reply(MESSAGES)
        finally:
            server.shutdown()
            thread.join()


def test_a_slow_server_runs_into_the_time_limit() -> None:
    def wait(request, server):
        server.released.wait(20)
        return completion("late")

    with fake_openai(wait) as server, pytest.raises(ModelError, match=r"0\.2 s"):
        connect(server, timeout_seconds=0.2).reply(MESSAGES)


def test_a_server_that_is_not_there_is_told_before_a_run_as_the_users_slip() -> None:
    model = OpenAICompatible(f"http://127.0.0.1:{free_port()}/v1", "fake-1", max_retries=0)
    with pytest.raises(ModelError, match="can't reach"):
        model.reply(MESSAGES)
    with pytest.raises(UsageError, match="can't reach"):
        model.check()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1", "http://", "file:///etc/passwd", "http://[::1"])
def test_what_is_no_url_is_the_users_slip(url: str) -> None:
    with pytest.raises(UsageError, match="base URL"):
        OpenAICompatible(url, "m")


def test_the_key_comes_from_the_environment_ours_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    with fake_openai(completion("blue")) as server:
        connect(server).reply(MESSAGES)
        monkeypatch.setenv("RETAKE_API_KEY", KEY)
        connect(server).reply(MESSAGES)
        monkeypatch.setenv("RETAKE_API_KEY", "  ")
        monkeypatch.delenv("OPENAI_API_KEY")
        connect(server).reply(MESSAGES)
    assert [headers["authorization"] for headers in server.headers] == [
        "Bearer sk-theirs",
        f"Bearer {KEY}",
        "Bearer none",
    ]


def test_a_key_with_a_line_break_is_the_users_slip_and_stays_secret() -> None:
    with pytest.raises(UsageError) as caught:
        OpenAICompatible("http://127.0.0.1:1/v1", "m", api_key="sk-one\nsk-two")
    assert "sk-one" not in str(caught.value)


def test_neither_key_nor_password_is_shown() -> None:
    model = OpenAICompatible("http://me:hunter2@127.0.0.1:1/v1", "m", api_key=KEY, max_retries=0)
    assert KEY not in repr(model)
    assert "hunter2" not in repr(model)
    with pytest.raises(ModelError) as caught:
        model.reply(MESSAGES)
    assert "hunter2" not in str(caught.value)


def test_a_script_that_is_used_up_says_so() -> None:
    model = ScriptedLanguageModel(["one", ModelError("broken")])
    assert model.reply(MESSAGES).tokens_out == 1
    with pytest.raises(ModelError, match="broken"):
        model.reply(MESSAGES)
    with pytest.raises(ModelError, match="2 replies"):
        model.reply(MESSAGES)
    assert len(model.calls) == 3


def test_models_open_by_name() -> None:
    assert isinstance(open_language_model("scripted", replies=["a"]), ScriptedLanguageModel)
    assert isinstance(
        open_language_model("agent.llm.scripted:ScriptedLanguageModel", replies=[]), ScriptedLanguageModel
    )
    assert isinstance(open_language_model("openai", base_url="http://127.0.0.1:1/v1", model="m"), OpenAICompatible)


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("gpt", {}, "openai, scripted, transformers, vllm"),
        ("no.such:Thing", {}, "no.such"),
        ("agent.llm.scripted:Nothing", {}, "Nothing"),
        ("openai", {"colour": 1}, "colour"),
    ],
)
def test_unknown_names_and_settings_are_the_users_slip(name: str, settings: dict, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_language_model(name, **settings)
