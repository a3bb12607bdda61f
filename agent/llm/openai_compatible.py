"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, LM Studio, `transformers serve`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import openai
from openai.types.chat import ChatCompletion

from agent.errors import ModelError, UsageError
from agent.language_model import Message, Reply
from feedback.chat_endpoint import ChatEndpoint
from feedback.errors import FeedbackError

KEY_VARIABLES = ("RETAKE_API_KEY", "OPENAI_API_KEY")
"""Environment variables that are looked at for the key, in this order."""

_PLAIN_JSON = {"type": "json_object"}
"""What is asked for where a schema is refused: DeepSeek and older servers know only this."""

_OPTIONAL = ("response_format", "max_tokens", "temperature", "seed")
"""Parameters that some servers refuse with 400; one that was refused is not sent again."""


class OpenAICompatible:
    """A chat model behind a URL.

    The SDK retries timeouts, 429 and 5xx with growing pauses, `max_retries` times. What a server refuses to be told
    (a seed, a temperature, …) is left out from then on; one that refuses the JSON schema is asked for plain JSON before
    that is left out, too. The key comes from RETAKE_API_KEY, else OPENAI_API_KEY, and
    stands in no message and no repr.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        temperature: float = 0.7,
        max_tokens: int = 512,
        timeout_seconds: float = 60.0,
        max_retries: int = 2,
    ) -> None:
        try:
            self._endpoint = ChatEndpoint(
                base_url,
                model,
                "the language model",
                key_variables=KEY_VARIABLES,
                api_key=api_key,
                timeout_seconds=timeout_seconds,
                max_retries=max_retries,
            )
        except FeedbackError as problem:
            raise UsageError(str(problem)) from None
        self.base_url, self.model = self._endpoint.url, model
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.timeout_seconds = timeout_seconds
        self._left_out: frozenset[str] = frozenset()
        self._takes_schema = True

    def __repr__(self) -> str:
        return f"OpenAICompatible({self.base_url!r}, {self.model!r})"

    def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
    ) -> Reply:
        """The model's next turn. `Reply.seed` is None when the server would not take one.

        Raises UsageError for a wrong key, model or URL, ModelError for everything that another try may cure.
        """
        sampled = self.temperature if temperature is None else temperature
        wishes: dict[str, Any] = {"max_tokens": self.max_tokens, "temperature": sampled}
        if seed is not None:
            wishes["seed"] = seed
        if schema is not None and self._takes_schema:
            json_schema = {"name": "reply", "schema": dict(schema), "strict": True}
            wishes["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        elif schema is not None:
            wishes["response_format"] = _PLAIN_JSON
        return self._read(self._complete(messages, wishes), seed)

    def check(self) -> None:
        """Nothing, when the server answers one tiny call; UsageError otherwise, also when it can't be reached."""
        try:
            self._complete([{"role": "user", "content": "Say OK."}], {"max_tokens": 16})
        except ModelError as problem:
            raise UsageError(str(problem)) from None

    def _complete(self, messages: Sequence[Message], wishes: Mapping[str, Any]) -> ChatCompletion:
        while True:
            sent = self._sent(wishes)
            try:
                return self._endpoint.complete(messages, **sent)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as problem:
                refused = None if _CONTEXT.search(problem.message) else _refused_parameter(problem, sent)
                if refused is None:
                    raise self._explain(problem) from None
                if refused == "response_format" and sent["response_format"] != _PLAIN_JSON:
                    self._takes_schema = False
                    wishes = {**wishes, "response_format": _PLAIN_JSON}
                else:
                    self._left_out |= {refused}
            except openai.OpenAIError as problem:
                raise self._explain(problem) from None

    def _sent(self, wishes: Mapping[str, Any]) -> dict[str, Any]:
        sent = {name: value for name, value in wishes.items() if name not in self._left_out}
        if "max_tokens" in self._left_out and "max_completion_tokens" not in self._left_out:
            sent["max_completion_tokens"] = wishes["max_tokens"]
        return sent

    def _read(self, completion: ChatCompletion, seed: int | None) -> Reply:
        choice, usage = completion.choices[0], completion.usage
        return Reply(
            text=_text(choice.message.content),
            finish_reason=choice.finish_reason,
            refusal=choice.message.refusal or None,
            # Older Ollamas count a prompt that they have cached as 0 tokens (ollama/ollama#5370).
            tokens_in=getattr(usage, "prompt_tokens", None) or None,
            tokens_out=getattr(usage, "completion_tokens", None),
            model=completion.model or self.model,
            seed=None if "seed" in self._left_out else seed,
        )

    def _explain(self, problem: openai.OpenAIError) -> ModelError | UsageError:
        failure, said = self._endpoint.explain(problem), self._endpoint.said_by(problem)
        if failure.is_slip:
            return UsageError(failure.text)
        match problem:
            case openai.RateLimitError() if problem.code == "insufficient_quota":
                return UsageError(f"{self.base_url}: the account has no quota left")
            case openai.BadRequestError() if _blames_model(said, self.model):
                return UsageError(f"{self.base_url} refuses the model {self.model!r}: {said}")
            case openai.APIStatusError() if _CONTEXT.search(said):
                return ModelError(
                    f"{self.base_url}: the messages and up to {self.max_tokens} tokens of reply do not fit into the "
                    f"model's context; lower --max-tokens or serve the model with a longer one: {said}"
                )
            case _:
                return ModelError(failure.text)


def _refused_parameter(problem: openai.APIStatusError, sent: Mapping[str, Any]) -> str | None:
    """The parameter that the server names in its 400, else the schema, which many reject without naming it."""
    named = f"{problem.param or ''} {problem.message}".lower()
    candidates = [name for name in _OPTIONAL if name in sent]
    found = next((name for name in candidates if name in named), None)
    return found or ("response_format" if "response_format" in candidates else None)


_CONTEXT = re.compile(r"context[ _](?:the )?(?:length|size|window|overflow)", re.IGNORECASE)
"""How servers word that the chat is too long. Some name max_tokens beside it, which they would take all the same."""


def _text(content: object) -> str:
    """The text of a message; of a list of parts, as Mistral's thinking models send it, the parts that are text."""
    if isinstance(content, list):
        parts = [part for part in cast("list[Any]", content) if isinstance(part, dict)]
        return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _blames_model(said: str, model: str) -> bool:
    return (
        model.lower() in said.lower()
        or re.search(r"\bmodel\b.*\b(?:not found|not exist|unknown|mismatch)", said.lower()) is not None
    )
