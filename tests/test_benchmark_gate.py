"""The measure of the gate: peers that spoil texts in known ways, and what is counted of them."""

import json
import random
import sys
from pathlib import Path

import pytest

from agent.llm.transformers_local import TransformersLanguageModel
from benchmarks.babbler import build_babbler
from benchmarks.gate import Tally, draw_prompts, main, measure_published, measure_spoilt
from benchmarks.gate_peers import Spoiled, spoil
from feedback.checklist import make_checklist

PROMPT = "three red birds fly to the left above a green tree, with a small house"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the real one."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("vbench", "vpo", "prompt_a_video", "rapo"):
        (folder / name).mkdir()
    short = ["a dog runs on a beach", "two cats sleep", "a red car drives to the left"]
    longer = ["A shaggy dog runs along a wide beach.", "Two cats sleep on a sofa.", "A red car drives to the left."]
    (folder / "vbench" / "all_dimension.txt").write_text("\n".join(short))
    for name, lines in (
        ("all_dimension_longer.txt", longer[1:]),
        ("all_dimension_aug_wanx_seed42.txt", longer),
        ("hunyuan_all_dimension.txt", [*longer[:2], "A blue car drives to the left."]),
    ):
        (folder / "vbench" / name).write_text("\n".join(lines))
    queries = ["dolphins in space -ar 9:16", "a naked child on a beach", "-ar 16:9"]
    (folder / "vpo" / "queries_sample.json").write_text(json.dumps(queries))
    (folder / "prompt_a_video" / "p.txt").write_text("A person is ice skating\nA person is ice skating\n")
    (folder / "rapo" / "test_prompts.txt").write_text("a bird and a cat\n")
    for name, column in (("graph_test1.csv", "Input"), ("graph_test2.csv", "Input"), ("sspo_examples.csv", "captions")):
        (folder / "rapo" / name).write_text(f'{column},other\n"{name}, a boat on a lake",x\n')
    return folder


def ways(prompt: str = PROMPT) -> dict[str, Spoiled]:
    return {spoiled.how: spoiled for spoiled in spoil(prompt, random.Random(0))}


def test_prompts_are_drawn_from_every_project_without_what_a_run_refuses(data: Path) -> None:
    drawn = draw_prompts(data, 8, seed=0)
    assert drawn == draw_prompts(data, 8, seed=0)
    assert "dolphins in space" in drawn
    assert "A person is ice skating" in drawn
    assert len(drawn) == len(set(drawn))
    assert not [prompt for prompt in drawn if "naked" in prompt or "-ar" in prompt]


def test_a_prompt_with_a_place_for_every_damage_gets_them_all() -> None:
    assert list(ways()) == [
        "a clause dropped", "another count", "another colour", "another side", "a thing denied", "a preamble",
        "a refusal", "in Chinese", "far too long", "nothing lost",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "how", ["a clause dropped", "another count", "another colour", "another side", "a thing denied", "a preamble"]
)
def test_the_peer_tells_its_damage_from_the_prompt_without_the_parser(how: str) -> None:
    spoiled = ways()[how]
    assert spoiled.is_left(spoiled.text)
    assert not spoiled.is_left(PROMPT)


def test_what_is_lost_before_the_screen_is_not_lost_after_it() -> None:
    tallies, left = measure_spoilt([PROMPT, "a dog and a cat sleep on a sofa"], seed=0)
    assert sum(tally.lost_before for tally in tallies) > 0
    assert [tally.lost_after for tally in tallies] == [0] * len(tallies)
    assert sum(tally.damage_left for tally in tallies) == len(left)
    rows = {tally.name: tally for tally in tallies}
    assert rows["spoilt: a refusal"].dropped == {"refusal": 2}
    assert rows["spoilt: in Chinese"].dropped == {"language": 2}
    assert rows["spoilt: nothing lost"].unchanged == 2


def test_counts_are_counted_among_what_is_lost() -> None:
    tally = Tally("x")
    tally.add(
        "Birds fly over a green hill.", "three birds fly over a hill", make_checklist("three birds fly over a hill"), ""
    )
    assert (tally.counts_before, tally.counts_after, tally.mended) == (1, 0, 1)


def test_published_rewrites_are_aligned_by_what_they_say(data: Path) -> None:
    tallies, alarms = measure_published(data, count=3, seed=0)
    rows = {tally.name: tally for tally in tallies}
    assert rows["published: Wan"].unchanged == 3
    assert rows["published: Hunyuan"].dropped == {"accurate": 1}
    assert any("blue" in alarm for alarm in alarms)


def test_without_the_data_there_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gate.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith("no prompts at ")
    assert capsys.readouterr().out == ""


def test_the_random_model_babbles_in_words_of_the_prompts(tmp_path: Path) -> None:
    model = TransformersLanguageModel(str(build_babbler(tmp_path, [PROMPT])), device="cpu", max_tokens=12)
    reply = model.reply([{"role": "user", "content": PROMPT}], seed=0)
    assert reply.text
    assert set(reply.text.replace("<unk>", "").replace("<turn>", "").split()) <= {
        *PROMPT.replace(",", " ,").split(),
        ".",
    }
