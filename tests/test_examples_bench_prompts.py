"""The prompts of the bench: held out, each of another scene, and asking for nothing that their scenes have not."""

from pathlib import Path

import numpy as np
import pytest

from agent.bench.methods.few_shot import EXAMPLES
from examples.pocket.bench_prompts import LOOSE_PROMPTS, as_typed, bench_prompts, facts_of
from examples.pocket.world import all_scenes, canonical, is_held_out, split_scenes

PROMPTS = Path(__file__).parents[1] / "examples" / "bench_prompts.txt"


def test_the_prompts_in_the_file_are_those_that_the_script_makes() -> None:
    prompts = PROMPTS.read_text(encoding="utf-8").splitlines()
    assert prompts == bench_prompts(80)
    assert len(set(prompts)) == 80


def test_another_seed_makes_other_prompts_and_more_than_there_are_scenes_can_not_be_had() -> None:
    assert not set(bench_prompts(8, seed=1)) & set(bench_prompts(8, seed=2))
    with pytest.raises(ValueError, match="there are scenes for"):
        bench_prompts(3_000)


def test_every_wording_asks_only_for_what_its_scene_has() -> None:
    rng = np.random.default_rng(5)
    one, two = split_scenes(held_out=True)
    for scene in [*one, *(two[at] for at in rng.permutation(len(two))[:100])]:
        typed = as_typed(scene, rng)
        assert facts_of(typed) <= facts_of(canonical(scene)), typed


def test_the_same_is_asked_in_other_words_and_another_thing_is_another_fact() -> None:
    assert facts_of("a scarlet ball under an azure box") == facts_of("one red circle below a blue square")
    assert facts_of("a red ball left of a blue box") != facts_of("a red ball right of a blue box")
    assert facts_of("a red ball rises") != facts_of("a red ball sinks")


def test_no_prompt_asks_for_a_scene_of_the_loose_prompts() -> None:
    loose = [facts_of(prompt) for prompt in LOOSE_PROMPTS.read_text(encoding="utf-8").splitlines()]
    for prompt in PROMPTS.read_text(encoding="utf-8").splitlines():
        assert facts_of(prompt) not in loose, prompt


def test_what_few_shot_is_shown_is_no_held_out_scene() -> None:
    held_out = {canonical(scene) for scene in all_scenes() if is_held_out(scene)}
    known = {canonical(scene) for scene in all_scenes()}
    shown = {caption for _, caption in EXAMPLES["pocket"]}
    assert shown <= known
    assert not shown & held_out
