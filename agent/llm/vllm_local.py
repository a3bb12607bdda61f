"""A chat model in this process by vLLM's offline engine: fast, quantized weights too, replies held to the schema.

Written to the API of vLLM 0.30.0 and 0.33.0, whose sources were read; it was never run against vLLM itself.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, cast

from agent.errors import ModelError, UsageError
from agent.language_model import Message, Reply
from agent.llm.chat_format import ChatFormat, find_chat_model
from agent.llm.local_model import LocalModel
from agent.llm.lora_adapter import LoraAdapter, find_adapter
from feedback.errors import FeedbackError, first_line
from feedback.resident import Holding
from feedback.torch_models import DTYPES, find_device

try:
    import vllm  # pyright: ignore[reportMissingImports]
    from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]
    from vllm.sampling_params import StructuredOutputsParams  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise UsageError(
        f"--rewriter-engine vllm needs vLLM ({error}), in an environment of its own: see docs/rewriters.md; "
        "or serve the model with vLLM and name --rewriter-base-url"
    ) from error

MOST_CONTEXT_TOKENS = 16_384
"""Context that memory is kept for: several times the longest chat of a refinement."""
GPU_SHARE = 0.8
"""Of the whole GPU's memory, for weights and context; the rest is left to what others can't release."""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Those that vLLM can make room for."""


class VLLMLanguageModel(LocalModel):
    """A chat model that vLLM loads with its first reply, once, and that sleeps while others need the GPU.

    A `Resident`: released, its weights wait in the CPU's memory (vLLM's sleep level 1). vLLM takes the first GPU of
    CUDA_VISIBLE_DEVICES. top_p, top_k and the like are what the model's own generation_config.json says. One chat at a
    time; safe to use from threads.

    Args:
        model: A folder, or an id on the hub. Weights come from safetensors only, no code of the model is run.
        revision: On the hub: a branch, a tag or a commit.
        dtype: "auto" is that of the weights.
        adapter: Folder of a LoRA adapter that was trained on this model, as peft saves it.
        temperature: Of the sampling; 0 takes the likeliest token each time.
        max_tokens: Longest reply.
        gpu_share: Of the GPU's memory, 0..1.

    Raises:
        UsageError: The model or adapter can't be used; as far as that shows without its weights.
    """

    engine = f"vllm {vllm.__version__}"

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        adapter: str | None = None,
        temperature: float = 0.7,
        max_tokens: int = 512,
        gpu_share: float = GPU_SHARE,
    ) -> None:
        if dtype not in ("auto", *DTYPES):
            raise UsageError(f"the dtype is {dtype!r}, but must be auto, {', '.join(DTYPES)}")
        try:
            self.device = find_device("auto")
        except FeedbackError as problem:
            raise UsageError(str(problem)) from problem
        self.model = model
        self.temperature = temperature
        self.max_tokens = max_tokens
        self._dtype = dtype
        self._gpu_share = gpu_share
        self._files = find_chat_model(model, revision)
        self._format = ChatFormat(self._files)
        limit = self._format.context_tokens
        self._format.context_tokens = min(limit, MOST_CONTEXT_TOKENS) if limit else MOST_CONTEXT_TOKENS
        self._adapter = find_adapter(adapter) if adapter else None
        self._room = _room_for(self._adapter)
        self._engine: Any = None
        self._is_asleep = False
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"VLLMLanguageModel({self.model!r})"

    def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
    ) -> Reply:
        """The model's next turn, which follows the schema unless it is cut off at `max_tokens`.

        Raises:
            ModelError: The chat is too long for the model, or vLLM failed on it.
            UsageError: vLLM does not start with this model.
        """
        self._format.encode(messages, self.max_tokens)
        with self._lock:
            engine = self._awake()
            try:
                (answered,) = engine.chat(
                    self._format.clean(messages),
                    sampling_params=self._sampling(engine, seed, schema, temperature),
                    use_tqdm=False,
                    lora_request=_lora_request(self._adapter),
                    chat_template_kwargs={"enable_thinking": False},
                )
            except Exception as error:
                raise ModelError(f"vLLM gave no reply of {self.model}: {first_line(error)}") from error
        written = answered.outputs[0]
        return Reply(
            text=written.text,
            finish_reason=written.finish_reason,
            tokens_in=len(answered.prompt_token_ids) if answered.prompt_token_ids else None,
            tokens_out=len(written.token_ids),
            model=self.model,
            seed=seed,
        )

    def _sampling(
        self, engine: Any, seed: int | None, schema: Mapping[str, Any] | None, temperature: float | None
    ) -> Any:
        usual = engine.get_default_sampling_params()
        return vllm.SamplingParams(
            temperature=self.temperature if temperature is None else temperature,
            top_p=usual.top_p,
            top_k=usual.top_k,
            min_p=usual.min_p,
            repetition_penalty=usual.repetition_penalty,
            max_tokens=self.max_tokens,
            seed=seed,
            structured_outputs=StructuredOutputsParams(json=dict(schema)) if schema is not None else None,
        )

    def _awake(self) -> Any:
        if self._engine is None:
            self._engine = self._start()
        if self._is_asleep:
            self._engine.wake_up()
            self._is_asleep = False
        return self._engine

    def _start(self) -> Any:
        try:
            return vllm.LLM(
                model=self._files.location,
                revision=self._files.commit,
                tokenizer_revision=self._files.commit,
                dtype=cast("Any", self._dtype),
                load_format="safetensors",
                trust_remote_code=False,
                max_model_len=self._format.context_tokens,
                gpu_memory_utilization=self._gpu_share,
                enable_sleep_mode=self.device.type != "cpu",
                **self._room,
            )
        except Exception as error:
            # vLLM loads in a process of its own and tells the cause in its log: out of memory looks like all the rest.
            raise UsageError(
                f"vLLM does not start with {self.model} ({first_line(error)}): see its log above; where memory ran "
                "out, use a smaller or quantized model"
            ) from error

    @property
    def holdings(self) -> list[Holding]:
        """The engine, whose memory is a share of the GPU and not the size of its weights."""
        return [Holding(self.model, str(self.device), None, "vLLM takes a share of the GPU beside its weights")]

    def acquire(self) -> None:
        """Wakes the engine, if it sleeps."""
        with self._lock:
            if self._engine is not None:
                self._awake()

    def release(self) -> None:
        """Sends the engine to sleep, if it runs on an accelerator: weights to the CPU's memory, context forgotten."""
        with self._lock:
            if self._engine is not None and not self._is_asleep and self.device.type != "cpu":
                self._engine.sleep(level=1)
                self._is_asleep = True


def _lora_request(adapter: LoraAdapter | None) -> Any:
    return LoRARequest("adapter", 1, str(adapter.folder)) if adapter else None


def _room_for(adapter: LoraAdapter | None) -> dict[str, Any]:
    """What the engine is told to make room for the adapter: the smallest rank of vLLM's that holds it."""
    if adapter is None:
        return {}
    fitting = [rank for rank in LORA_RANKS if rank >= adapter.rank]
    if not fitting:
        raise UsageError(f"the adapter {adapter.folder} has rank {adapter.rank}; vLLM takes {LORA_RANKS[-1]} at most")
    return {"enable_lora": True, "max_lora_rank": fitting[0]}
