"""Runs laid out for VBench: which videos, under which names, with which prompts, and scores there and back."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import fast_config
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent.errors import UsageError
from agent.export.cli import app
from agent.export.file_names import fits_file_name, name_prompts
from agent.export.seed_match import match_seeds
from agent.export.vbench import Layout, plan_layout, vbench_commands, write_layout
from agent.export.vbench_results import read_vbench_results, write_own_results
from agent.export.vbench_suite import VIDEOS_PER_PROMPT, read_suite, share_of_suite
from agent.run import begin_run
from agent.trajectory import read_trajectory
from feedback.movement import dynamic_degree
from feedback.video_file import read_clip, read_metadata

LOOSE = "a motionless crimson ball"
SLASHED = "a crimson ball drifting right/rightwards"
UNSEEN = (10_000, 10_001)

ROW = '{"video_path": "best/a.mp4", "video_results": 1}'

TEXTS = st.text(st.characters(), max_size=300)
"""Whatever a prompt may be, lone surrogates included."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch folder of finished runs: two that a rewrite won, one whose prompt has a slash, and one broken off."""
    folder = tmp_path_factory.mktemp("runs") / "batch"
    for name, prompt, seed in (("first", LOOSE, 0), ("second", LOOSE, 50), ("slashed", SLASHED, 0)):
        quick = {"stop__max_iterations": 0, "render__seeds": 1}
        begin_run(prompt, fast_config(seed=seed, **quick), folder, name).execute()
    lines = (folder / "first" / "trajectory.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "broken off").mkdir()
    (folder / "broken off" / "trajectory.jsonl").write_bytes(b"".join(lines[:4]))
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """The same runs, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "runs" / "batch"))


def rewrite(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the events of a trajectory."""
    file = run / "trajectory.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        change(row)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes().decode("ascii"))


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def export(runs: Path | Sequence[Path], out: Path, **options: Any) -> Layout:
    layout = plan_layout([runs] if isinstance(runs, Path) else runs)
    write_layout(layout, out, **options)
    return layout


# Names


@given(st.lists(TEXTS, max_size=8))
@example(["A cat", "a cat", "a CAT", "ﬁne", "fine", "straße", "strasse"])
@example(["../../etc/passwd", "..", ".", "", "/", "a\0b", "con", "nul.txt", "-rf", ".hidden", "x" * 300, "猫" * 100])
@example(["a/b", "a\\b", "a:b", "a-b-c14cddc0", "a b"])
@settings(deadline=None)
def test_any_prompts_get_names_that_a_file_system_keeps_apart(prompts: list[str]) -> None:
    names = name_prompts(prompts)
    assert names.keys() == set(prompts)
    with tempfile.TemporaryDirectory() as folder:
        for name in names.values():
            (Path(folder) / f"{name}-12345.mp4").write_text(name, encoding="utf-8")
        assert names_in(Path(folder)) == {f"{name}-12345.mp4" for name in names.values()}
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert name.isprintable()
        assert not set(name) & set('<>:"/\\|?*')
        assert name[0].isalnum()
        assert name.partition(".")[0].casefold() not in {"con", "nul", "aux", "prn", "com1", "lpt9"}


@given(st.lists(TEXTS, max_size=6), st.randoms())
def test_names_do_not_depend_on_the_order_of_the_prompts(prompts: list[str], random: Any) -> None:
    shuffled = random.sample(prompts, len(prompts))
    assert name_prompts(shuffled) == name_prompts(prompts)


@given(TEXTS)
def test_a_prompt_that_fits_is_its_own_name(prompt: str) -> None:
    assert (name_prompts([prompt])[prompt] == prompt) == fits_file_name(prompt)


def test_all_prompts_of_vbench_fit(shared_data: Path) -> None:
    suite = read_suite(shared_data / "vbench" / "VBench_full_info.json")
    assert len(suite) == 944
    assert [prompt for prompt in suite if not fits_file_name(prompt)] == []


def test_a_prompt_that_is_the_slug_of_another_takes_no_name_away() -> None:
    slashed = "a/b"
    slug = name_prompts([slashed])[slashed]
    names = name_prompts([slashed, slug])
    assert names[slug] == slug
    assert names[slashed].startswith(slug)
    assert names[slashed] != slug


# Videos


def test_both_sides_have_the_same_names_and_under_each_name_the_same_seed(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path)
    assert names_in(tmp_path) == {"original", "best", "original.json", "best.json", "videos.json"}
    assert names_in(tmp_path / "original") == names_in(tmp_path / "best")
    assert {f"{LOOSE}-{index}.mp4" for index in range(4)} < names_in(tmp_path / "best")
    for name in names_in(tmp_path / "best"):
        original, best = (read_metadata(tmp_path / side / name) for side in ("original", "best"))
        assert original["seed"] == best["seed"]
        assert original["candidate"] == original["prompt"] == best["prompt"] != best["candidate"]


def test_videos_of_unseen_seeds_are_taken_where_there_are_some(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path)
    rows = read_json(tmp_path / "videos.json")
    assert {row["purpose"] for row in rows} == {"verify"}
    assert {row["seed"] for row in rows} == {*UNSEEN, *(seed + 50 for seed in UNSEEN)}
    for row in rows:
        video = read_trajectory(Path(row["run"]))
        assert row["prompt"] == video.prompt
        (render,) = [r for r in video.renders if (r.candidate, r.seed) == (row["candidate"], row["seed"])]
        assert (tmp_path / row["file"]).samefile(Path(row["run"]) / str(render.path))


@pytest.mark.parametrize(("instead", "purpose"), [({"purpose": "full"}, "full"), ({"candidate": "99"}, "loop")])
def test_without_unseen_seeds_full_renders_come_before_drafts(
    instead: dict[str, str], purpose: str, runs: Path
) -> None:
    def change(row: dict[str, Any]) -> None:
        if row["event"] == "render" and row["data"]["purpose"] == "verify":
            row["data"] |= instead | {"seed": row["data"]["seed"] - UNSEEN[0]}

    rewrite(runs / "first", change)
    matches, _ = match_seeds([(runs / "first").resolve()])
    assert {match.purpose for match in matches} == {purpose}
    assert matches[0].seed == 0


def test_every_video_is_mapped_to_what_the_user_typed(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path)
    for side in ("original", "best"):
        prompts = read_json(tmp_path / f"{side}.json")
        assert prompts.keys() == names_in(tmp_path / side)
        assert set(prompts.values()) == {LOOSE, SLASHED}
        for name, prompt in prompts.items():
            assert read_metadata(tmp_path / side / name)["prompt"] == prompt


def test_runs_are_found_in_folders_of_folders_and_each_counts_once(made: Path, tmp_path: Path) -> None:
    layout = export([made.parent, made, made / "first"], tmp_path)
    assert len(layout.folders["best"]) == 6


def test_what_is_left_out_is_named_with_its_reason(runs: Path, tmp_path: Path) -> None:
    (runs / "second" / "videos" / f"0-{UNSEEN[0] + 50}.mp4").unlink()
    (runs / "slashed" / "trajectory.jsonl").write_text("no header\n", encoding="utf-8")

    def fail(row: dict[str, Any]) -> None:
        if row["event"] == "render" and row["key"] == f"1-{UNSEEN[1]}":
            row["data"] |= {"path": None, "failure": "MemoryError: CUDA out of memory"}

    rewrite(runs / "first", fail)
    layout = export(runs, tmp_path / "out")
    reasons = {item.what: item.why for item in layout.left_out}
    assert reasons.keys() == {"broken off", "slashed", f"first, seed {UNSEEN[1]}", f"second, seed {UNSEEN[0] + 50}"}
    assert "retake resume" in reasons["broken off"]
    assert "header" in reasons["slashed"]
    assert "best has no video: MemoryError" in reasons[f"first, seed {UNSEEN[1]}"]
    assert "original has no video: videos/" in reasons[f"second, seed {UNSEEN[0] + 50}"]
    assert [video.match.seed for video in layout.folders["best"]] == [UNSEEN[0], UNSEEN[1] + 50]


@pytest.mark.parametrize("path", ["../first/videos/1-10000.mp4", "/etc/hostname", "videos", "a\0b", "x" * 5000])
def test_a_trajectory_that_points_out_of_its_folder_or_at_no_file_is_not_followed(path: str, runs: Path) -> None:
    def point(row: dict[str, Any]) -> None:
        if row["event"] == "render":
            row["data"]["path"] = path

    rewrite(runs / "slashed", point)
    matches, left_out = match_seeds([(runs / "slashed").resolve()])
    assert matches == []
    assert left_out


def return_original(row: dict[str, Any]) -> None:
    """What a run does whose champion lost on the unseen seeds."""
    if row["event"] == "result":
        row["data"]["best"] |= {"id": "0", "origin": "prompt"}


def test_a_champion_that_was_not_returned_has_a_side_of_its_own(runs: Path, tmp_path: Path) -> None:
    rewrite(runs / "first", return_original)
    out = tmp_path / "out"
    export(runs, out)
    names = names_in(out / "original")
    assert names_in(out / "champion") == names_in(out / "best") == names
    lost = {f"{LOOSE}-0.mp4", f"{LOOSE}-1.mp4"}
    for name in names:
        assert (out / "best" / name).samefile(out / "original" / name) == (name in lost)
        assert (out / "best" / name).samefile(out / "champion" / name) == (name not in lost)


def test_nothing_to_export_is_said_in_one_line(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no trajectory\.jsonl"):
        plan_layout([tmp_path])
    with pytest.raises(UsageError, match=r"nothing to export.*not finished"):
        plan_layout([made / "broken off"])


# Folders


def test_videos_are_links_or_with_copy_files_of_their_own(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path)
    layout = export(made, tmp_path / "copies", copy=True)
    for video in layout.videos:
        copied = tmp_path / "copies" / video.place
        assert (tmp_path / video.place).samefile(video.video.file)
        assert not copied.samefile(video.video.file)
        assert copied.read_bytes() == video.video.file.read_bytes()


def test_where_hard_links_are_impossible_they_are_symbolic(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(link: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    layout = export(made, tmp_path)
    assert all((tmp_path / video.place).is_symlink() for video in layout.videos)
    assert read_clip(tmp_path / layout.videos[0].place).num_frames == 6


@pytest.mark.parametrize("copy", [False, True])
def test_an_export_that_was_broken_off_is_finished_by_the_same_command(
    copy: bool, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = plan_layout([made])
    replaced: list[Path] = []
    replace_file = Path.replace

    def break_off(path: Path, target: Path) -> Path:
        if target.suffix == ".mp4":
            if len(replaced) == 5:
                raise KeyboardInterrupt
            replaced.append(target)
        return replace_file(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", break_off)
        with pytest.raises(KeyboardInterrupt):
            write_layout(layout, tmp_path, copy)
        placed = [tmp_path / video.place for video in layout.videos if (tmp_path / video.place).exists()]
        assert len(placed) == 5
        assert all(read_clip(path).num_frames == 6 for path in placed)
    before = {path: path.lstat().st_ctime_ns for path in placed} if copy else {}
    write_layout(layout, tmp_path, copy)
    assert {path: path.lstat().st_ctime_ns for path in before} == before
    assert {video.place for video in layout.videos} == {
        f"{side}/{name}" for side in ("original", "best") for name in names_in(tmp_path / side)
    }
    assert not list(tmp_path.glob(".*"))


def test_a_later_export_takes_away_what_it_no_longer_has(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path)
    (tmp_path / "vbench").mkdir()
    (tmp_path / "vbench" / "verdicts.json").write_text("{}", encoding="utf-8")
    export(made / "slashed", tmp_path)
    assert names_in(tmp_path / "best") == names_in(tmp_path / "original") == read_json(tmp_path / "best.json").keys()
    assert len(names_in(tmp_path / "best")) == 2
    assert (tmp_path / "vbench" / "verdicts.json").exists()
    assert (made / "first" / "videos" / f"1-{UNSEEN[0]}.mp4").exists()


def test_a_name_that_now_means_another_video_gets_it(made: Path, tmp_path: Path) -> None:
    name = f"{LOOSE}-0.mp4"
    for runs, seed in ((made / "second", UNSEEN[0] + 50), (made, UNSEEN[0]), (made / "second", UNSEEN[0] + 50)):
        for copy in (False, True):
            export(runs, tmp_path, copy=copy)
            assert read_metadata(tmp_path / "best" / name)["seed"] == str(seed)
            source = Path(read_json(tmp_path / "videos.json")[0]["run"]) / "videos" / f"0-{seed}.mp4"
            assert (tmp_path / "original" / name).samefile(source) != copy


def test_what_is_outdated_is_taken_away_also_when_that_was_broken_off(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(made, tmp_path)

    def break_off(path: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", break_off)
        with pytest.raises(KeyboardInterrupt):
            export(made / "slashed", tmp_path)
    export(made / "slashed", tmp_path)
    assert len(names_in(tmp_path / "best")) == 2


def test_a_stranger_among_the_videos_is_refused_and_kept(made: Path, tmp_path: Path) -> None:
    export(made / "slashed", tmp_path)
    stranger = tmp_path / "best" / "holiday.mp4"
    stranger.write_text("mine", encoding="utf-8")
    before = (tmp_path / "videos.json").read_bytes()
    with pytest.raises(UsageError, match=r"holiday\.mp4 was not laid out"):
        export(made, tmp_path)
    assert stranger.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "videos.json").read_bytes() == before


@pytest.mark.parametrize("name", ['a"b', "a$b", "a`b", "a\\b"])
def test_a_folder_that_a_shell_would_read_otherwise_is_refused(name: str, made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another --out"):
        export(made, tmp_path / name)
    assert names_in(tmp_path) == set()


def test_a_file_in_the_folders_place_and_a_damaged_list_are_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file"):
        export(made, tmp_path / "file")
    for damaged in ("{", "[1]", '{"file": 3}', "3"):
        (tmp_path / "videos.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(UsageError, match="is damaged"):
            export(made, tmp_path)


# VBench's own prompts


def write_suite(folder: Path, *rows: Any) -> Path:
    path = folder / "info.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def test_prompts_of_the_suite_are_also_laid_out_as_its_standard_mode_wants(made: Path, tmp_path: Path) -> None:
    suite = read_suite(
        write_suite(
            tmp_path,
            {"prompt_en": LOOSE, "dimension": ["color"], "auxiliary_info": {}},
            {"prompt_en": LOOSE, "dimension": ["color", "temporal_flickering"]},
            {"prompt_en": "Fireworks.", "dimension": ["scene"]},
            {"prompt_en": SLASHED, "dimension": ["scene"]},
        )
    )
    layout = plan_layout([made], suite)
    write_layout(layout, tmp_path / "out")
    assert layout.suite is not None
    assert layout.suite.too_few == {LOOSE: 4}
    assert layout.suite.dimensions == ("color", "temporal_flickering")
    for side in ("original", "best"):
        assert names_in(tmp_path / "out" / "standard" / side) == {f"{LOOSE}-{index}.mp4" for index in range(4)}
    assert {item.why for item in layout.left_out if "standard" in item.what} == {"its prompt can't be a file name"}
    lines = [line for line in vbench_commands(layout, tmp_path / "out") if "standard/best" in line]
    assert [line.split()[1] for line in lines] == ["evaluate", "static_filter", "evaluate"]
    assert [line.rpartition(" ")[2] for line in lines[::2]] == ["color", "temporal_flickering"]
    assert not any("--mode" in line or "--prompt" in line for line in lines)


def test_more_videos_than_the_standard_mode_takes_are_left_out_of_it(made: Path) -> None:
    matches, _ = match_seeds([(made / "first").resolve(), (made / "second").resolve()])
    twice = [*matches, *matches]
    share = share_of_suite(twice, {LOOSE: ["color"]})
    assert len(share.matches) == VIDEOS_PER_PROMPT
    assert share.too_few == {}
    assert len(share.left_out) == len(twice) - VIDEOS_PER_PROMPT


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "the whole"),
        ('[{"prompt_en": 3, "dimension": []}]', "0.prompt_en"),
        ('[{"prompt_en": "a"}]', "0.dimension"),
        ("[", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "info.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=f"no VBench_full_info.json: .*{says}"):
        read_suite(tmp_path / "info.json")
    with pytest.raises(UsageError, match="can't read"):
        read_suite(tmp_path / "none.json")


# Scores


def test_own_scores_have_vbenchs_shape_and_come_back_as_they_were(made: Path, tmp_path: Path) -> None:
    layout = export(made, tmp_path)
    own = write_own_results(layout, tmp_path)
    for side in ("original", "best"):
        results = read_json(tmp_path / "retake" / f"{side}_eval_results.json")
        read_back = read_vbench_results(tmp_path / "retake" / f"{side}_eval_results.json")
        assert tuple(results) == tuple(read_back) == own[side].dimensions
        for name, (aggregate, rows) in results.items():
            assert aggregate == pytest.approx(sum(read_back[name].values()) / len(rows))
            assert all(Path(row["video_path"]).is_file() for row in rows)
        for video in layout.folders[side]:
            assert video.video.assessment is not None
            assert read_back["retake_overall"][video.name] == video.video.assessment.overall
        info = read_json(tmp_path / "retake" / f"{side}_full_info.json")
        assert {Path(row["video_list"][0]).name: row["prompt_en"] for row in info} == read_json(
            tmp_path / f"{side}.json"
        )
        for row in info:
            (path,) = row["video_list"]
            assert row["dimension"] == [name for name in results if Path(path).name in read_back[name]]


def test_only_what_vbench_means_by_it_has_vbenchs_name(made: Path, tmp_path: Path) -> None:
    layout = export(made, tmp_path)
    write_own_results(layout, tmp_path)
    scores = read_vbench_results(tmp_path / "retake" / "best_eval_results.json")
    assert [name for name in scores if not name.startswith("retake_")] == ["dynamic_degree"]
    assert "retake_temporal.subject_consistency" in scores
    for video in layout.folders["best"]:
        assert scores["dynamic_degree"][video.name] == dynamic_degree(read_clip(video.video.file))


def test_unknown_scores_are_left_out_and_counted(made: Path, tmp_path: Path) -> None:
    layout = export(made, tmp_path)
    videos = list(layout.videos)
    unheard = videos.index(layout.folders["best"][0])
    videos[unheard] = replace(videos[unheard], video=replace(videos[unheard].video, assessment=None))
    own = write_own_results(replace(layout, videos=tuple(videos)), tmp_path)
    results = read_json(tmp_path / "retake" / "best_eval_results.json")
    assert len(results["retake_overall"][1]) == 5
    assert own["best"].unscored["retake_overall"] == 1
    assert own["best"].unscored["retake_spatial"] == 6
    assert "retake_spatial" not in results
    assert "retake_overall" not in own["original"].unscored


def test_results_of_vbench_are_read_by_dimension_and_video(tmp_path: Path) -> None:
    path = tmp_path / "results_eval_results.json"
    rows = [
        {"video_path": "/data/best/a cat-0.mp4", "video_results": True, "cor_num_per_video": 1},
        {"video_path": "C:\\best\\a cat-1.mp4", "video_results": 71.25},
        {"video_path": "a cat-2.mp4", "video_results": 0},
        {"video_path": "a cat-3.mp4", "video_results": math.nan},
        {"video_path": "a cat-4.mp4", "video_results": None},
    ]
    path.write_text(json.dumps({"imaging_quality": [0.5, rows], "scene": [math.nan, []]}), encoding="utf-8")
    assert read_vbench_results(path) == {
        "imaging_quality": {"a cat-0.mp4": 1.0, "a cat-1.mp4": 71.25, "a cat-2.mp4": 0.0},
        "scene": {},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds no dimensions"),
        ('{"scene": 0.5}', "scene: .aggregate"),
        ('{"scene": [0.5]}', "scene: .aggregate"),
        ('{"scene": [0.5, {}]}', "scene: .aggregate"),
        ('{"scene": [0.5, [3]]}', "scene, video 0"),
        ('{"scene": [0.5, [{"video_path": "a.mp4"}]]}', "scene, video 0"),
        ('{"scene": [0.5, [{"video_path": "a.mp4", "video_results": "0.5"}]]}', "scene, video 0"),
        ('{"scene": [0.5, [{"video_path": 3, "video_results": 0.5}]]}', "scene, video 0"),
        (f'{{"scene": [0.5, [{ROW}, {ROW.replace("best", "original")}]]}}', "'a.mp4' stands there twice"),
    ],
)
def test_results_of_another_shape_are_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "results_eval_results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says) as refused:
        read_vbench_results(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(UsageError, match="can't read"):
        read_vbench_results(tmp_path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text() | st.sampled_from(["video_path", "video_results"]), inner)
        ),
    )
)
@settings(max_examples=50, deadline=None)
def test_any_json_is_read_or_refused(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(json.dumps({"scene": value}), encoding="utf-8")
        try:
            scores = read_vbench_results(path)
        except UsageError:
            return
        assert all(math.isfinite(score) for score in scores["scene"].values())


# The command


def test_the_command_says_what_it_laid_out_and_what_to_run_next(made: Path, tmp_path: Path) -> None:
    info = write_suite(
        tmp_path, {"prompt_en": LOOSE, "dimension": ["color"]}, {"prompt_en": "b", "dimension": ["color"]}
    )
    out = tmp_path / "out [/]"
    done = CliRunner().invoke(app, ["vbench", str(made), "--out", str(out), "--full-info", str(info)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"6 videos each of original and best: 2 prompts in 3 runs, in {out}"
    assert any(line.startswith("left out: broken off") for line in lines)
    assert "standard suite: 1 of its 2 prompts, 1 of them with fewer than 5 videos a side" in lines
    assert f"  4 of 5: {LOOSE}" in lines
    commands = [line for line in lines if line.startswith("vbench ")]
    assert len(commands) == 6
    assert all(f"'{out}/" in line for line in commands)


def test_the_command_says_which_videos_flatter(runs: Path, tmp_path: Path) -> None:
    def forget_verification(row: dict[str, Any]) -> None:
        if row["event"] == "render" and row["data"]["purpose"] == "verify":
            row["data"]["candidate"] = "99"

    rewrite(runs / "first", return_original)
    rewrite(runs / "slashed", forget_verification)
    done = CliRunner().invoke(app, ["vbench", str(runs), "--out", str(tmp_path / "out")])
    lines = done.output.splitlines()
    assert lines[0].startswith("5 videos each of original, best and champion: ")
    assert lines[1].startswith("champion: 2 of them")
    assert lines[2].startswith("note: 1 are of the loop's own seeds")
