"""What the chat models of this process have in common, whatever runs them."""

from agent.errors import ModelError, UsageError
from agent.llm.chat_format import PROBE, ChatFormat
from agent.llm.lora_adapter import LoraAdapter
from feedback.pretrained import Pretrained


class LocalModel:
    """A chat model by its files, its chat format and its adapter, if it has one."""

    model: str
    max_tokens: int
    engine: str
    """What runs it, with its version."""
    _files: Pretrained
    _format: ChatFormat
    _adapter: LoraAdapter | None

    def check(self) -> None:
        """Nothing, when the shortest of chats fits into the model; UsageError otherwise. No weights are loaded."""
        try:
            self._format.encode(PROBE, self.max_tokens)
        except ModelError as problem:
            raise UsageError(str(problem)) from None

    @property
    def record(self) -> dict[str, str | None]:
        """What wrote the replies, for the trajectory."""
        adapter = self._adapter
        return {
            "model": self.model,
            "revision": self._files.commit,
            "engine": self.engine,
            "adapter": str(adapter.folder) if adapter else None,
            "adapter_sha256": adapter.sha256 if adapter else None,
        }
