"""Asks a language model for the tags of captions: several a call, several calls at a time, none twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any, cast

from agent.errors import ModelError, UsageError
from agent.language_model import LanguageModel, Message
from agent.tag_cache import TagCache
from graph_store.extract import Extraction, extract_with
from graph_store.phrases import CAPTION_LIMIT
from graph_store.records import TaggedCaption

REPLY_TOKENS = 2048
"""Longest reply. Tags repeat words of captions, together no longer than the longest that is allowed: 4,000 characters,
which is about 1,000 tokens of English."""
GIVE_UP_AFTER = 20
"""Calls in a row that brought no tags: the server is down, or the model can't do it."""


class Interview:
    """Fills the cache with the model's tags.

    Args:
        language_model: Is sent `batch_size` captions a call. A caption whose part of the reply is of no use is asked
            about once more, alone.
        cache: Is given each reply as it comes; what it holds is not asked about.
        batch_size: Captions a call at most; together they are no longer than one caption may be.
        concurrency: Calls under way at a time.
    """

    def __init__(
        self, language_model: LanguageModel, cache: TagCache, batch_size: int = 8, concurrency: int = 1
    ) -> None:
        self.calls = 0
        """Made so far, those that failed included."""
        self.failures: dict[str, str] = {}
        """Why the model failed on a caption, by its text."""
        self._language_model = language_model
        self._cache = cache
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._failed_in_a_row = 0
        self._stopped = False
        """Calls under way are waited for, no further one is made."""
        self._lock = Lock()

    def ask_about(self, texts: Iterable[str], on_captions: Callable[[int], None] = lambda _: None) -> None:
        """Asks about each of the texts that the cache does not hold. Called once.

        Args:
            texts: Captions; drawn as they are needed, so that there may be any number of them.
            on_captions: Called with how many more of them are done, from this thread.

        Raises:
            UsageError: The model's key, name or address is wrong, the cache can't be written, or too many calls in a
                row brought nothing. What the model said before is in the cache.
        """
        under_way: dict[Future[None], list[str]] = {}
        waiting: set[str] = set()

        def settle(left: int) -> None:
            while len(under_way) > left:
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    batch = under_way.pop(future)
                    waiting.difference_update(batch)
                    future.result()
                    on_captions(len(batch))

        def unknown() -> Iterator[str]:
            for text in texts:
                if text in waiting or text in self.failures or self._cache.find(text):
                    on_captions(1)
                else:
                    waiting.add(text)
                    yield text

        pool = ThreadPoolExecutor(self._concurrency)
        try:
            for batch in self._batches(unknown()):
                under_way[pool.submit(self._ask_about_batch, batch)] = batch
                settle(2 * self._concurrency - 1)
            settle(0)
        finally:
            self._stopped = True
            pool.shutdown(cancel_futures=True)

    def find(self, text: str) -> TaggedCaption | None:
        """The caption with the model's tags; None when it was not asked or failed."""
        return self._cache.find(text)

    def _batches(self, texts: Iterable[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        length = 0
        for text in texts:
            if batch and (len(batch) == self._batch_size or length + len(text) > CAPTION_LIMIT):
                yield batch
                batch, length = [], 0
            batch.append(text)
            length += len(text)
        if batch:
            yield batch

    def _ask_about_batch(self, batch: list[str]) -> None:
        if self._stopped:
            return
        failures = self._ask_once(batch).failures
        if len(batch) > 1:
            alone = [self._ask_once([text]) for text in failures if not self._stopped]
            failures = {text: reason for extraction in alone for text, reason in extraction.failures.items()}
        self.failures.update(failures)

    def _ask_once(self, batch: list[str]) -> Extraction:
        extraction = extract_with(self._ask, batch)
        self._cache.keep(extraction.tagged.values())
        with self._lock:
            self._failed_in_a_row = 0 if extraction.tagged else self._failed_in_a_row + 1
            failed_in_a_row = self._failed_in_a_row
        if failed_in_a_row >= GIVE_UP_AFTER:
            self._stopped = True
            raise UsageError(
                f"{failed_in_a_row} calls to the model in a row brought no tags; the last: "
                f"{extraction.failures[batch[-1]]}; what it said before is kept, the same command goes on from there"
            )
        return extraction

    def _ask(self, messages: list[dict[str, str]], schema: Mapping[str, Any]) -> str:
        """The model's reply. Raises ValueError with the reason when there is none that is whole."""
        with self._lock:
            self.calls += 1
        try:
            reply = self._language_model.reply(cast("list[Message]", messages), seed=0, schema=schema)
        except ModelError as problem:
            raise ValueError(str(problem)) from None
        if reply.refusal:
            raise ValueError(f"the model refused: {reply.refusal}")
        if reply.finish_reason == "length":
            raise ValueError("the reply was cut off at its longest")
        return reply.text
