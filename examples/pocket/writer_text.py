"""What the pocket writer reads in pretraining: captions, chats that copy and tidy, plain English.

Scenes come from the training split only. Chats with the pocket system text are told a scene in the words of captions,
in another order or with parts left out, and answer with the canonical caption; what people type in their own words is
answered in those same words, under other system texts. So no chat says which caption a typed prompt is to become.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import graph_store
from agent.caption_styles import CAPTION_STYLES
from agent.language_model import Message
from agent.prompts import read_templates
from agent.rewriter_card import RewriterBrief
from examples.pocket.captions import with_gaps, with_remains
from examples.pocket.world import Scene, canonical, incomplete, paraphrases, split_scenes
from examples.pocket.writer_lore import everyday, meaning

Document = str | list[Message]
"""A passage, or a chat."""
SHARES = 0.2, 0.35, 0.25, 0.05
"""Of documents: chats under the system text for pocket, others about scenes, about everyday things; captions. The rest
is English."""
MOST_TURNS = 3
ONE_THING_SHARE = 0.25
CAPTION_ORDERS = ("Write the caption.", "Write a caption of the scene.", "Say it as a caption.")
"""Shorter system texts of chats about scenes."""
SHORT_ORDERS = ("", "Tidy this up.", "Write it as a plain sentence.", "Answer with the sentence alone.", "Write well.")
"""System texts of everyday chats, besides those for other generators; "" is none."""


def pocket_brief() -> RewriterBrief:
    """What a rewriter for pocket is told besides the prompt."""
    return RewriterBrief(template=read_templates(None).source("distilled"), style="pocket")


def draw_document(rng: np.random.Generator) -> Document:
    """The next thing to read."""
    kind = rng.choice(5, p=[*SHARES, 1 - sum(SHARES)])
    turns = int(rng.integers(1, MOST_TURNS + 1))
    match kind:
        case 0:
            return pocket_chat(draw_scene(rng), rng)
        case 1:
            return _scene_chat(_pick(CAPTION_ORDERS, rng), [draw_scene(rng) for _ in range(turns)], rng)
        case 2:
            return _everyday_chat(turns, rng)
        case 3:
            return " ".join(_caption(draw_scene(rng), rng) for _ in range(turns))
        case _:
            return _english(rng)


def draw_scene(rng: np.random.Generator) -> Scene:
    """One of the scenes that are not held out."""
    one, two = _training_scenes()
    return _pick(one if rng.random() < ONE_THING_SHARE else two, rng)


def pocket_chat(scene: Scene, rng: np.random.Generator) -> list[Message]:
    """What a rewriter for pocket is told of a scene, and its canonical caption."""
    return _scene_chat(_system_text("pocket"), [scene], rng)


def _scene_chat(system: str, scenes: Sequence[Scene], rng: np.random.Generator) -> list[Message]:
    messages: list[Message] = [{"role": "system", "content": system}]
    for scene in scenes:
        messages += _turn(told(scene, rng), canonical(scene))
    return messages


def told(scene: Scene, rng: np.random.Generator) -> str:
    """The scene in the words of captions: reworded, in notes, incomplete, marred; rarely canonical."""
    kind = rng.random()
    if kind < 0.3:
        text = _caption(scene, rng)
    elif kind < 0.45:
        text = incomplete(scene, rng)
    else:
        text = notes(scene, rng)
    marred = rng.random()
    if marred < 0.06:
        return with_gaps(text, rng)
    if marred < 0.12:
        return with_remains(text, rng)
    return text


def notes(scene: Scene, rng: np.random.Generator) -> str:
    """Clauses of a caption in any order that leaves it clear whose they are, some left out, with few small words."""
    thing, companion, scenery = _name(scene.thing, rng), "", ""
    motion = f" {scene.motion}" if rng.random() < 0.75 else ""
    if rng.random() < 0.6:
        scenery = _pick((f"on a {scene.background} background", f"{scene.background} background"), rng)
    if scene.companion is None:
        clauses = [f"{thing}{motion}"]
    else:
        companion = _name(scene.companion, rng)
        stands = _pick((str(scene.relation), str(scene.relation).removeprefix("is ")), rng)
        still = _pick(("", " stays still"), rng)
        clauses = _pick(
            (
                [f"{thing}{motion} {stands} {companion}{still}"],
                [f"{thing}{motion}", f"{stands} {companion}{still}"],
                [f"{thing}{motion}", f"{companion}{still}"],
                [f"{thing}{motion}", f"{companion}{still}", f"{thing} {stands} {companion}"],
                [f"{thing} {stands} {companion}", f"{thing}{motion}"],
            ),
            rng,
        )
    if scenery:
        clauses.insert(_pick((0, len(clauses), len(clauses)), rng), scenery)
    text = _pick((", ", " ", "; ", ". ", " and "), rng).join(clauses)
    text = _pick(("{}", "{}", "{}", "a video of {}", "{}."), rng).format(text)
    return text[0].upper() + text[1:] if rng.random() < 0.3 else text


def _name(kind: object, rng: np.random.Generator) -> str:
    return f"{_pick(('', 'a ', 'the ', 'one '), rng)}{kind}"


def _caption(scene: Scene, rng: np.random.Generator) -> str:
    return _pick((canonical(scene), *paraphrases(scene)), rng)


def _everyday_chat(turns: int, rng: np.random.Generator) -> list[Message]:
    order = _pick(SHORT_ORDERS, rng) if rng.random() < 0.85 else _system_text(_pick(_OTHER_STYLES, rng))
    messages: list[Message] = [{"role": "system", "content": order}] if order else []
    for _ in range(turns):
        sentence = everyday(rng)
        messages += _turn(_untidy(sentence, rng), sentence)
    return messages


def _turn(said: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]


def _untidy(sentence: str, rng: np.random.Generator) -> str:
    """The sentence as it might be typed: no capital, no stop, without some of its small words."""
    words = sentence.rstrip(".").split()
    dropped = rng.random() < 0.5
    kept = [word for word in words if not (dropped and word.lower() in ("a", "an", "the"))]
    text = " ".join(kept)
    return text[0].lower() + text[1:] if rng.random() < 0.8 else text


def _english(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.2:
        return _pick(_starter_captions(), rng)
    write = meaning if kind < 0.75 else everyday
    return " ".join(write(rng) for _ in range(rng.integers(2, 9)))


@cache
def _training_scenes() -> tuple[list[Scene], list[Scene]]:
    return split_scenes(held_out=False)


@cache
def _starter_captions() -> list[str]:
    file = Path(graph_store.__file__).parent / "data" / "starter.jsonl"
    return [json.loads(line)["caption"] for line in file.read_text(encoding="utf-8").splitlines()]


@cache
def _system_text(style: str) -> str:
    return pocket_brief().model_copy(update={"style": style}).messages("")[0]["content"]


_OTHER_STYLES = tuple(style for style in CAPTION_STYLES if style != "pocket")


def _pick(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]
