"""Tagged captions without meaning, in any number, whose phrases recur as they do in real ones.

A Pitman-Yor process decides whether the next phrase is new: with the constants below, 10,000 captions have some 4,300
distinct scenes and 1,000,000 some 150,000, and most scenes stand in one caption only.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

DISCOUNT, CONCENTRATION = 0.77, 120.0
WORDS = {
    kind: [choices.split("/") for choices in parts]
    for kind, parts in {
        "scene": (
            "in/on/near/behind/beside/inside/outside/across",
            "quiet/crowded/sunlit/narrow/abandoned/snowy/wooden/stone/modern/rural/flooded/empty/green/old/foggy/vast",
            "park/street/kitchen/harbor/forest/market/station/valley/bridge/garden/tunnel/beach/classroom/rooftop/"
            "desert/warehouse/orchard/canal/stadium/library/meadow/workshop/village/square",
            "by the river/under tall trees/after the rain/in the old town/at the edge of town/far from the road/"
            "near the coast/below the hills/behind the church/next to a wall/at the crossing/between two houses",
        ),
        "action": (
            "carrying/painting/repairing/holding/pushing/throwing/opening/washing/folding/lifting/polishing/chasing/"
            "watching/cutting/stacking/dragging",
            "heavy/small/bright/broken/red/paper/metal/striped/round/wet/folded/antique/plastic/golden/blue/checkered",
            "box/ladder/kite/bicycle/basket/door/lantern/drum/blanket/wheel/bucket/camera/chair/map/rope/umbrella/"
            "sail/guitar/suitcase/barrel/net/clock/flag/book",
            "with both hands/very slowly/without looking up/toward the camera/again and again/in a hurry/"
            "with great care/while talking/step by step/at arm's length/one by one/from left to right",
        ),
        "atmosphere": (
            "soft/harsh/warm/cold/dim/golden/pale/flickering/gray/vivid/faint/silver",
            "morning/evening/winter/autumn/neon/candle/moon/studio/storm/summer",
            "light/mist/glow/haze/shadows/colors/silence/air/sky/reflections",
            "fading slowly/over the whole scene/in slow motion/with a calm mood/from above/in close-up/wide shot/"
            "with shallow focus/handheld camera/and drifting dust",
        ),
    }.items()
}


def synthetic_captions(count: int, seed: int = 0) -> Iterator[dict[str, str | list[str]]]:
    """So many rows as `retake graph build` reads them: one scene, one or two actions, one atmosphere each."""
    rng = np.random.default_rng(seed)
    kinds = {kind: _phrases(kind, rng, 2 * count) for kind in WORDS}
    for number, two in enumerate((rng.random(count) < 0.7).tolist()):
        scene, atmosphere = next(kinds["scene"]), next(kinds["atmosphere"])
        actions = [next(kinds["action"]) for _ in range(1 + two)]
        yield {
            "caption": f"{number}: {scene}, someone is {' and '.join(actions)}, {atmosphere}.",
            "scenes": [scene],
            "actions": actions,
            "atmospheres": [atmosphere],
        }


def write_captions(file: Path, count: int) -> None:
    """Writes them as JSONL."""
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in synthetic_captions(count))


def _phrases(kind: str, rng: np.random.Generator, most: int) -> Iterator[str]:
    """Phrases drawn one by one from the process: new ones, or earlier ones by how often they came."""
    drawn = np.empty(most, np.int64)
    counts = np.zeros(most, np.int64)
    new = 0
    for number in range(most):
        if rng.random() * (number + CONCENTRATION) < CONCENTRATION + DISCOUNT * new:
            phrase, new = new, new + 1
        else:
            while True:  # an earlier phrase, by its count less the discount
                phrase = int(drawn[rng.integers(number)])
                if rng.random() * counts[phrase] >= DISCOUNT:
                    break
        drawn[number] = phrase
        counts[phrase] += 1
        yield _spell(kind, phrase)


def _spell(kind: str, number: int) -> str:
    """Another phrase for every number: its words, and a name where the words are used up."""
    lists = WORDS[kind]
    total = int(np.prod([len(words) for words in lists]))
    again, number = divmod(number, total)
    number = number * 7919 % total
    chosen = []
    for words in lists:
        number, word = divmod(number, len(words))
        chosen.append(words[word])
    return " ".join(chosen) + (f" number {again}" if again else "")
