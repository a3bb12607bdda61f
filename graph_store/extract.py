"""Tags captions that come without tags: by rules, or by a language model with the rules to fall back on."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from graph_store.phrases import clean_phrases
from graph_store.records import KINDS, ModifierKind, TaggedCaption
from graph_store.rules import tag_caption
from graph_store.words import FUNCTION_WORDS

Ask = Callable[[list[dict[str, str]], dict[str, Any]], str]
"""Chat messages (`role`, `content`) and the JSON schema of the reply in; the reply's text out."""

INSTRUCTION = """You tag captions of videos. Reply with one JSON object and nothing else:
{"scenes": [], "subjects": [], "actions": [], "atmospheres": []}
- scenes: where it takes place, with its preposition, e.g. "in a city park"
- subjects: who or what is seen, with its attributes, e.g. "an elderly man in a tweed coat"
- actions: what each subject does, beginning with an -ing verb, e.g. "feeding pigeons"
- atmospheres: light, weather, mood, style and camera, e.g. "soft morning light", "slow pan"
Use the caption's own words, one short phrase per item, and an empty list where the caption says nothing."""

SAME_PHRASE = 0.5
"""Share of content words two phrases must have in common to count as the same."""


class _Tags(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scenes: list[str]
    subjects: list[str]
    actions: list[str]
    atmospheres: list[str]


@dataclass(frozen=True)
class Extraction:
    """Tagged captions, and how many of them the rules had to tag since the model's reply was of no use."""

    captions: tuple[TaggedCaption, ...]
    fallbacks: int


@dataclass(frozen=True)
class Accuracy:
    """How well found phrases agree with given ones. Both shares are None where there was nothing to count."""

    precision: float | None
    """Share of the phrases found that were given, 0..1."""
    recall: float | None
    """Share of the phrases given that were found, 0..1."""


def is_tagged(caption: TaggedCaption) -> bool:
    """Whether it came with any phrase."""
    return bool(caption.scenes or caption.subjects or caption.actions or caption.atmospheres)


def tag_untagged(captions: Iterable[TaggedCaption]) -> tuple[TaggedCaption, ...]:
    """The captions in their order, those without any phrase tagged by the rules."""
    return tuple(caption if is_tagged(caption) else tag_caption(caption.text) for caption in captions)


def extract_with(ask: Ask, captions: Sequence[str]) -> Extraction:
    """Tags every caption by one question to a language model.

    Args:
        ask: Called once per caption. What it raises is passed on.
        captions: Untagged captions.
    """
    schema = _Tags.model_json_schema()
    tagged: list[TaggedCaption] = []
    fallbacks = 0
    for caption in captions:
        messages = [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": caption}]
        try:
            tags = _Tags.model_validate_json(_strip_fence(ask(messages, schema)))
            phrases = {field: clean_phrases(found) for field, found in tags.model_dump().items()}
            tagged.append(TaggedCaption(caption, **phrases))
        except (ValidationError, ValueError):
            tagged.append(tag_caption(caption))
            fallbacks += 1
    return Extraction(tuple(tagged), fallbacks)


def _strip_fence(reply: str) -> str:
    """The reply without the Markdown fence that chat models like to put around JSON."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(.*?)\s*```\s*", reply, re.DOTALL)
    return fenced.group(1) if fenced else reply


def measure_extraction(tagged: Sequence[TaggedCaption]) -> dict[ModifierKind, Accuracy]:
    """How well the rules find the phrases that these captions were tagged with, by kind.

    Two phrases are the same when half of their content words agree; words agree by their first four letters, so that
    "riding" is "rides".
    """
    accuracy: dict[ModifierKind, Accuracy] = {}
    guesses = [tag_caption(caption.text) for caption in tagged]
    for kind in KINDS:
        hits = found = recalled = given = 0
        for caption, guess in zip(tagged, guesses, strict=True):
            expected = [_stems(phrase) for phrase in getattr(caption, f"{kind}s")]
            guessed = [_stems(phrase) for phrase in getattr(guess, f"{kind}s")]
            found += len(guessed)
            given += len(expected)
            hits += sum(any(_same(stems, other) for other in expected) for stems in guessed)
            recalled += sum(any(_same(stems, other) for other in guessed) for stems in expected)
        accuracy[kind] = Accuracy(hits / found if found else None, recalled / given if given else None)
    return accuracy


def _stems(phrase: str) -> frozenset[str]:
    return frozenset(word[:4] for word in re.findall(r"\w+", phrase.lower()) if word not in FUNCTION_WORDS)


def _same(a: frozenset[str], b: frozenset[str]) -> bool:
    return len(a & b) >= SAME_PHRASE * len(a | b) > 0
