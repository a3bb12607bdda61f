"""Any chat model of transformers, in this process."""

import copy
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from agent.errors import ModelError, UsageError
from agent.language_model import Message, Reply
from agent.llm.chat_format import ChatFormat, find_chat_model
from agent.llm.local_model import LocalModel
from agent.llm.lora_adapter import LoraAdapter, find_adapter
from feedback.errors import FeedbackError, first_line
from feedback.resident import HoldsModel

try:
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    from feedback.held_model import HeldModel
    from feedback.load_pretrained import no_progress_bars
    from feedback.pretrained import Pretrained
    from feedback.torch_models import find_device, find_dtype, free_cached_memory
except ImportError as error:
    raise UsageError(f'models in this process need more packages ({error}): pip install "retake[render]"') from error

RANDOM_SEEDS = 2**31
NEUTRAL: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0, "top_k": 50, "min_p": None, "typical_p": 1.0}
"""Of sampling, where nothing is sampled: transformers fills None from the model's own settings and then warns."""


class TransformersLanguageModel(LocalModel, HoldsModel[HeldModel]):
    """A chat model that is loaded with its first reply, once, and answers one chat at a time.

    A `Resident`. Everything but temperature and length of the sampling is what the model's own generation_config.json
    says. The schema is not enforced: callers read replies with care, as they must with servers that ignore it. Safe to
    use from threads.

    Args:
        model: A folder, or an id on the hub. Weights come from safetensors only, no code of the model is run.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.
        adapter: Folder of a LoRA adapter that was trained on this model, as peft saves it.
        temperature: Of the sampling; 0 takes the likeliest token each time.
        max_tokens: Longest reply.

    Raises:
        UsageError: The model or adapter can't be used; as far as that shows without its weights.
    """

    engine = f"transformers {transformers.__version__}"

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        adapter: str | None = None,
        temperature: float = 0.7,
        max_tokens: int = 512,
    ) -> None:
        try:
            self.device = find_device(device)
            self.dtype = find_dtype(dtype, self.device)
        except FeedbackError as problem:
            raise UsageError(str(problem)) from problem
        self.model = model
        self.temperature = temperature
        self.max_tokens = max_tokens
        self._files = files = find_chat_model(model, revision)
        _check_kind(files)
        self._format = ChatFormat(files)
        self._adapter = find_adapter(adapter) if adapter else None
        if self._adapter:
            from agent.llm import lora_loading  # noqa: F401 - tells now that peft is missing
        self._held = HeldModel(files, self.device, self.dtype, self._load)
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"TransformersLanguageModel({self.model!r}, device={str(self.device)!r})"

    def reply(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,  # noqa: ARG002 - transformers can't hold a model to one
        temperature: float | None = None,
    ) -> Reply:
        """The model's next turn. Without a seed one is drawn; `Reply.seed` tells which.

        Raises:
            ModelError: The chat is too long for the model, or memory ran out.
            UsageError: Its weights can't be loaded.
        """
        asked = self._format.encode(messages, self.max_tokens)
        seed = secrets.randbelow(RANDOM_SEEDS) if seed is None else seed
        with self._lock:
            model = self._held.get()
            settings = self._settings(model, self.temperature if temperature is None else temperature)
            written = self._write(model, asked, settings, seed)
        is_finished = bool(written) and written[-1] in settings.eos_token_id
        return Reply(
            text=self._format.tokenizer.decode(written, skip_special_tokens=True),
            finish_reason="stop" if is_finished or len(written) < self.max_tokens else "length",
            tokens_in=len(asked),
            tokens_out=len(written),
            model=self.model,
            seed=seed,
        )

    def _write(self, model: Any, asked: list[int], settings: Any, seed: int) -> list[int]:
        """The ids of the tokens that the model adds, its end token included."""
        ids = torch.tensor([asked], device=self.device)
        try:
            with torch.inference_mode(), _own_random_numbers(seed):
                chat = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings)
        except (torch.OutOfMemoryError, MemoryError) as error:
            free_cached_memory(self.device)
            raise ModelError(
                f"a reply of {self.model} to {len(asked)} tokens does not fit into the memory of {self.device}: "
                "lower --max-tokens, use a smaller model, or --rewriter-device cpu"
            ) from error
        written: list[int] = chat[0, len(asked) :].tolist()
        return written

    def _settings(self, model: Any, temperature: float) -> Any:
        """The model's own generation config with our length and this temperature, and all ways to end a turn."""
        settings = copy.deepcopy(model.generation_config)
        settings.max_length = None
        settings.max_new_tokens = self.max_tokens
        settings.do_sample = temperature > 0
        settings.temperature = temperature or NEUTRAL["temperature"]
        if not settings.do_sample:
            settings.update(**NEUTRAL)
        tokenizer = self._format.tokenizer
        known = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
        settings.eos_token_id = sorted({token for token in (*known, tokenizer.eos_token_id) if token is not None})
        settings.pad_token_id = settings.pad_token_id if settings.pad_token_id is not None else tokenizer.eos_token_id
        return settings

    def _load(self) -> Any:
        return load_chat_model(self._files, self.dtype, self.device, self._adapter)


def _check_kind(files: Pretrained) -> None:
    if files.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise UsageError(f"the model {files.name} is a {files.model_type}, which writes no text: name a chat model")
    if getattr(files.config, "quantization_config", None):
        raise UsageError(
            f"the weights of {files.name} are quantized, which transformers can't move between devices: serve it and "
            "name --rewriter-base-url, or use --rewriter-engine vllm"
        )


def load_chat_model(
    files: Pretrained, dtype: torch.dtype, device: torch.device, adapter: LoraAdapter | None = None
) -> Any:
    """The model on its device, with the adapter laid over it. Raises ModelError when it does not fit, or UsageError."""
    try:
        with no_progress_bars():
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                files.location, dtype=dtype, use_safetensors=True, **files.where
            )
        if adapter:
            from agent.llm.lora_loading import load_lora

            model = load_lora(model, adapter)
        return model.to(device).eval()
    except UsageError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        free_cached_memory(device)
        raise ModelError(
            f"the model {files.name} does not fit into the memory of {device}: use a smaller one, or "
            "--rewriter-device cpu"
        ) from error
    except Exception as error:
        raise UsageError(
            f"the weights of {files.name} can't be loaded ({first_line(error)}): get them anew, as safetensors"
        ) from error


@contextmanager
def _own_random_numbers(seed: int) -> Iterator[None]:
    """Within it, PyTorch's random numbers come from this seed; after it they go on as if none had been drawn."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    devices = range(torch.accelerator.device_count()) if accelerator else ()
    with torch.random.fork_rng(devices=devices, device_type=accelerator.type if accelerator else "cuda"):
        torch.manual_seed(seed)
        yield
