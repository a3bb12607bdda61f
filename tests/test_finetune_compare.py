"""`retake distill compare`: which rewriters stand against which, what it says of them, and when it refuses."""

import json
from pathlib import Path

import pytest
from bench_parts import PROMPTS, quick_settings
from command import FAST
from serve import build_tiny_chat_model
from svg import count_dots
from tiny_rewriters import BRIEF, LEARNED, save_tiny_adapter, train_tiny_rewriter

import retake as front_door
from agent.bench.intervals import bootstrap_ratio
from agent.bench.measure import Measurements
from agent.bench.records import Measured
from agent.bench.result import BenchResult, make_result
from agent.config import RewriteConfig
from agent.errors import UsageError
from agent.rewriter_card import RewriterCard, write_card
from finetune.compare import find_seen, make_entrants
from finetune.compare_result import find_shares, make_compare_result
from finetune.compare_table import plot_comparison, write_compare_table
from finetune.errors import DistillError

CONFIG = RewriteConfig()


def card_in(folder: Path, **changes) -> Path:
    folder.mkdir(parents=True)
    given = {"kind": "model", "base": "someone/base", "base_revision": "abc", "brief": BRIEF} | changes
    write_card(folder, RewriterCard(**given))
    return folder


def bench_of(scores: dict[str, list[float | None]], held_out: str | None = "critic") -> BenchResult:
    """A bench in which the wordings of each method have these scores, one a prompt."""
    rows = [
        Measured(method=method, prompt=f"p{at}", text="t", text_held_out=score, renders=1, llm_calls=0, tokens_in=0,
                 tokens_out=0, seconds=1.0)
        for method, known in scores.items()
        for at, score in enumerate(known)
    ]  # fmt: skip
    count = len(next(iter(scores.values())))
    settings = quick_settings(renders=8, held_out=held_out)
    return make_result(settings, [f"p{at}" for at in range(count)], {}, Measurements(rows=rows))


def test_controls_are_the_base_model_with_the_very_words_the_same_tries_and_one_render_each(tmp_path: Path) -> None:
    entrants, brief = make_entrants(None, card_in(tmp_path / "sft"), card_in(tmp_path / "dpo"), CONFIG, tries=3)
    assert {one.tries for one in entrants.values()} == {3}
    assert {one.rewrite.temperature for one in entrants.values()} == {CONFIG.temperature}
    assert list(entrants) == ["few_shot", "base", "sft", "dpo"]
    assert {one.renders for one in entrants.values()} == {1}
    assert brief == BRIEF
    base = entrants["base"]
    assert (base.rewrite.model, base.rewrite.revision) == ("someone/base", "abc")
    assert base.brief == BRIEF
    assert entrants["few_shot"].few_shot
    assert entrants["few_shot"].rewrite == base.rewrite
    assert entrants["sft"].rewrite.model == str(tmp_path / "sft")


def test_what_can_not_be_compared_is_one_line(tmp_path: Path) -> None:
    sft = card_in(tmp_path / "sft")
    with pytest.raises(DistillError, match="name a rewriter with --sft, --dpo or both"):
        make_entrants("base", None, None, CONFIG)
    with pytest.raises(DistillError, match="--base is needed without --sft"):
        make_entrants(None, None, sft, CONFIG)
    with pytest.raises(UsageError, match=r"holds no rewriter\.json"):
        make_entrants(None, tmp_path, None, CONFIG)
    other = card_in(tmp_path / "other", brief=BRIEF.model_copy(update={"style": "wan"}))
    with pytest.raises(DistillError, match=r"told other things \(style\)"):
        make_entrants(None, sft, other, CONFIG)


def test_prompts_of_the_training_data_are_found_in_nearly_the_same_words(tmp_path: Path) -> None:
    long = "a red ball rolls slowly over a long wooden table beside a tall blue vase with yellow flowers in it, falls "
    long += "down on the floor, jumps up again and then"
    said = ["A red ball, rolling!", f"{long} comes to rest"]
    rows = [{"prompt": BRIEF.messages(prompt), "completion": []} for prompt in said]
    (tmp_path / "sft.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = ["a blue cat", "a red ball rolling", "x" * 20_000, f"{long} comes to a rest", "a red ball rises"]
    assert find_seen(asked, tmp_path, BRIEF) == [asked[1], asked[3]]
    (tmp_path / "dpo.jsonl").write_text("torn", encoding="utf-8")
    with pytest.raises(DistillError, match=r"dpo\.jsonl holds no rows"):
        find_seen(["a blue cat"], tmp_path, BRIEF)
    with pytest.raises(DistillError, match=r"holds none of sft\.jsonl"):
        find_seen(["a blue cat"], tmp_path / "nowhere", BRIEF)


def test_a_share_of_the_loops_gain_is_a_ratio_of_means_and_unknown_where_the_loop_gains_nothing() -> None:
    bench = bench_of({"raw": [0.5] * 30, "loop": [0.7, 0.9] * 15, "sft": [0.6, 0.7] * 15})
    share = find_shares(bench.rows, "text_held_out")["sft"]
    assert share.value == pytest.approx(0.5)
    assert share.low is not None
    assert share.high is not None
    assert share.low <= 0.5 <= share.high
    lost = bench_of({"raw": [0.5] * 30, "loop": [0.3, 0.7] * 15, "sft": [0.6] * 30})
    assert find_shares(lost.rows, "text_held_out")["sft"].value is None
    assert "nothing is said of shares" in " ".join(make_compare_result(lost, []).sentences)


def test_a_prompt_without_a_score_of_all_three_has_no_part_in_a_share() -> None:
    bench = bench_of({"raw": [0.5, 0.5, None], "loop": [0.7, 0.7, 0.9], "sft": [0.6, None, 0.1]})
    assert find_shares(bench.rows, "text_held_out")["sft"].n == 1


def test_the_ratio_is_paired_and_the_same_each_time() -> None:
    wholes = [0.1, 0.4, 0.2, 0.5] * 5
    exact = bootstrap_ratio([whole / 2 for whole in wholes], wholes)
    assert (exact.value, exact.low, exact.high) == pytest.approx((0.5, 0.5, 0.5))
    assert bootstrap_ratio([], []).value is None


def test_it_says_plainly_that_sft_is_worse_than_the_instruction() -> None:
    bench = bench_of({"raw": [0.5] * 30, "base": [0.8, 0.7] * 15, "sft": [0.6, 0.5] * 15, "loop": [0.9] * 30})
    said = make_compare_result(bench, ["seen"]).sentences
    assert any(line.startswith("SFT is WORSE than the base model told the same (-0.200") for line in said)
    assert any(line.startswith("SFT is better than the prompt as typed (+0.050") for line in said)
    assert any("12% of the loop's gain" in line for line in said)
    assert said[0].startswith("1 of the prompts stand in the training data")


def test_an_interval_that_holds_0_few_prompts_and_no_judge_are_said() -> None:
    bench = bench_of({"raw": [0.5] * 6, "sft": [0.6, 0.4] * 3, "loop": [0.6] * 6}, held_out=None)
    said = " ".join(make_compare_result(bench, []).sentences)
    assert "SFT can't be told from the prompt as typed: the interval holds 0 (+0.000" in said
    assert "6 prompts are too few" in said
    assert "No judge was held out" in said


def test_dpo_stands_against_sft_and_the_table_has_a_row_for_each_method() -> None:
    scores = {"raw": [0.5] * 30, "few_shot": [0.5] * 30, "base": [0.5] * 30, "sft": [0.6] * 30, "dpo": [0.7] * 30,
              "loop": [0.9] * 30}  # fmt: skip
    result = make_compare_result(bench_of(scores), [])
    assert any(line.startswith("DPO is better than SFT (+0.100") for line in result.sentences)
    assert not any("loop is" in line for line in result.sentences)
    table = write_compare_table(result)
    assert "| dpo | 0.700 | 0.700 to 0.700 | +0.200 | +0.200 to +0.200 | 30 / 0 / 0 | 50% | 50% to 50% | 30 |" in table
    assert [line.split(" | ")[0] for line in table.splitlines() if line.endswith("| 30 |")] == [
        f"| {m}" for m in scores
    ]
    drawn = plot_comparison(result)
    assert [count_dots(drawn, f"difference {method}") for method in scores] == [0, 1, 1, 1, 1, 1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base that babbles, and a rewriter that learned two captions, as an adapter's folder."""
    home = tmp_path_factory.mktemp("compare")
    model = train_tiny_rewriter(home / "model")
    return build_tiny_chat_model(home / "base"), save_tiny_adapter(model, home / "sft")


def test_a_trained_rewriter_is_compared_on_held_out_prompts_and_the_command_goes_on(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, sft = trained
    assert PROMPTS[0] in LEARNED
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("\n".join([*PROMPTS, "a seen red ball"]) + "\n", encoding="utf-8")
    row = {"prompt": BRIEF.messages("a seen red ball"), "completion": []}
    (tmp_path / "sft.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = ["retake", "distill", "compare", str(prompts), "--sft", str(sft), "--base", str(base), "--json"]
    command += ["--data", str(tmp_path), "--renders=2", "--max-tokens=48", "--held-out-judge=bench_parts:HeldOut"]
    command += ["--output-dir", str(tmp_path / "out"), *FAST]
    monkeypatch.setattr("sys.argv", command)
    told: list[dict] = []
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            front_door.main()
        assert not end.value.code
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["seen_in_training"] == ["a seen red ball"]
    (first, *_) = told[0]["comparisons"]
    assert first["measure"] == "text_held_out"
    assert set(first["means"]) == {"raw", "few_shot", "base", "sft", "loop"}
    assert first["means"]["sft"]["value"] > first["means"]["raw"]["value"]
    assert first["means"]["base"]["value"] == first["means"]["raw"]["value"]
    assert {name: cost["renders"] for name, cost in told[0]["costs"].items() if name != "loop"} == {
        "raw": 1.0, "few_shot": 1.0, "base": 1.0, "sft": 1.0,
    }  # fmt: skip
    made = {path.name for path in (tmp_path / "out" / "compare-prompts").iterdir()}
    assert made >= {"compare.json", "compare.md", "compare.svg", "results.json", "table.md", "bench.jsonl"}
