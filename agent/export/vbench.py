"""Videos of finished runs, laid out as `vbench evaluate` expects them; VBench itself is never imported or started.

OUT/
  original/ best/  {prompt}-{index}.mp4: the same name on both sides is the same seed, so that they compare in pairs
  champion/        only when some run returned the original because its champion lost on unseen seeds
  SIDE.json        {file: prompt}, for `--prompt_file`. The prompt is the user's, never the rewrite
  standard/SIDE/   {prompt}-{0..4}.mp4 of VBench's own prompts
  videos.json      which run, candidate and seed each of them is

What is read here of VBench is https://github.com/Vchitect/VBench at 45e79ec14e69. It looks at the first file of a
standard folder to learn the suffix of all, so the folders hold videos and nothing else.
"""

import json
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from agent.export.file_names import name_prompts
from agent.export.place_file import place_file
from agent.export.seed_match import SIDES, LeftOut, SeedMatch, Side, Video, find_runs, match_seeds
from agent.export.vbench_suite import Suite, SuiteShare, share_of_suite
from agent.run_folder import write_text

CUSTOM_DIMENSIONS = (
    "subject_consistency", "background_consistency", "motion_smoothness", "dynamic_degree", "aesthetic_quality",
    "imaging_quality",
)  # fmt: skip
"""What VBench documents for prompts that are not its own. None of them looks at the prompt."""
PROMPT_DIMENSION = "overall_consistency"
"""The one that does and that VBench's code, unlike its README, lets pass: likeness of video and prompt by ViCLIP."""
STATIC_DIMENSION = "temporal_flickering"
"""The one that is defined for still videos only, which VBench sorts out by a command of its own."""
_SHELL_SIGNS = frozenset('"$`\\') - {os.sep}
"""`vbench evaluate` puts paths between double quotes into a shell line."""


@dataclass(frozen=True)
class PlacedVideo:
    """A video and its place in the layout."""

    folder: str
    """A side, or "standard/" and a side."""
    name: str
    match: SeedMatch
    video: Video

    @property
    def place(self) -> str:
        """Relative to the layout's folder, with forward slashes."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True)
class Layout:
    """What goes where, and what is left out."""

    videos: tuple[PlacedVideo, ...]
    left_out: tuple[LeftOut, ...]
    suite: SuiteShare | None
    """None when no suite was named."""

    @property
    def folders(self) -> Mapping[str, Sequence[PlacedVideo]]:
        """The videos of each folder, in order; standard folders begin with "standard/"."""
        found: dict[str, list[PlacedVideo]] = defaultdict(list)
        for video in self.videos:
            found[video.folder].append(video)
        return found


def plan_layout(runs: Sequence[Path], suite: Suite | None = None) -> Layout:
    """Where the videos of all runs in or below these folders go; nothing is written.

    Indices count the seeds of a prompt, over all its runs. Raises UsageError when there is nothing to lay out.
    """
    matches, left_out = match_seeds(find_runs(runs))
    if not matches:
        reasons = "; ".join(f"{item.what}: {item.why}" for item in left_out[:3])
        raise UsageError(f"nothing to export in {', '.join(map(str, runs))}: {reasons}")
    sides = SIDES if not all(match.champion_was_returned for match in matches) else SIDES[:2]
    videos = _place_all(matches, name_prompts(match.prompt for match in matches), sides, "")
    share = share_of_suite(matches, suite) if suite is not None else None
    if share:
        names = {match.prompt: match.prompt for match in share.matches}
        videos += _place_all(share.matches, names, sides, "standard/")
        left_out += share.left_out
    return Layout(tuple(videos), tuple(left_out), share)


def _place_all(
    matches: Sequence[SeedMatch], names: Mapping[str, str], sides: Sequence[Side], above: str
) -> list[PlacedVideo]:
    counts = Counter[str]()
    placed = []
    for match in matches:
        name = f"{names[match.prompt]}-{counts[match.prompt]}.mp4"
        counts[match.prompt] += 1
        placed += [PlacedVideo(above + side, name, match, match.videos[side]) for side in sides]
    return placed


def write_layout(layout: Layout, out: Path, copy: bool = False) -> None:
    """Puts every video in its place, whole or not at all, and writes the maps.

    Videos are hard links to those of the runs, symbolic ones across file systems, or with `copy` files of their own.
    Repeating it places only what is missing and takes away what an earlier export had laid out and this one has not.
    Raises UsageError when a folder holds anything else, which VBench would score too.
    """
    _check_out(out)
    rows = [_row(video) for video in layout.videos]
    wanted = {row["file"] for row in rows}
    earlier = [row for row in _read_rows(out) if row["file"] not in wanted]
    outdated = _find_outdated(out, wanted, {row["file"] for row in earlier})
    out.mkdir(parents=True, exist_ok=True)
    # The earlier ones stay known until they are gone, also when this is broken off.
    write_json(out / "videos.json", [*rows, *earlier])
    for file in outdated:
        file.unlink()
    for folder in _all_folders():
        _write_folder(out, folder, layout.folders.get(folder, ()), copy)
    write_json(out / "videos.json", rows)


def _check_out(out: Path) -> None:
    """Raises UsageError when `vbench evaluate` could not be given this folder, or it is no folder."""
    if found := sorted(_SHELL_SIGNS & set(str(out.resolve()))):
        signs = " ".join(found)
        raise UsageError(f"{out} has {signs} in it, which vbench would hand to a shell; choose another --out")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; choose another --out")


def _write_folder(out: Path, folder: str, videos: Sequence[PlacedVideo], copy: bool) -> None:
    prompts = out / f"{folder}.json"
    if not videos:
        prompts.unlink(missing_ok=True)
        if (out / folder).is_dir():
            (out / folder).rmdir()
        return
    (out / folder).mkdir(parents=True, exist_ok=True)
    if folder in SIDES:
        write_json(prompts, {video.name: video.match.prompt for video in videos})
    for video in videos:
        place_file(video.video.file, out / video.place, out, copy)
    if lost := {video.name for video in videos} - set(os.listdir(out / folder)):  # noqa: PTH208 - names only
        raise UsageError(
            f"{out / folder} can't hold {min(lost)!r} beside a name that differs by letter case only, and VBench needs "
            "both; choose an --out on a file system that tells them apart"
        )


def _find_outdated(out: Path, wanted: set[str], earlier: set[str]) -> list[Path]:
    """Files of an earlier export that this one has not. Raises UsageError when there are others."""
    found = [
        (f"{folder}/{file.name}", file)
        for folder in _all_folders()
        if (out / folder).is_dir()
        for file in (out / folder).iterdir()
    ]
    strange = sorted(str(file) for place, file in found if place not in wanted | earlier)
    if strange:
        raise UsageError(f"{strange[0]} was not laid out by this command; move it away or choose another --out")
    return [file for place, file in found if place in earlier]


def _all_folders() -> list[str]:
    return [*SIDES, *(f"standard/{side}" for side in SIDES)]


def _row(placed: PlacedVideo) -> dict[str, Any]:
    return {
        "file": placed.place,
        "prompt": placed.match.prompt,
        "run": str(placed.match.run),
        "candidate": placed.video.render.candidate,
        "seed": placed.match.seed,
        "purpose": placed.match.purpose,
    }


def _read_rows(out: Path) -> list[dict[str, Any]]:
    """What an earlier export laid out here; nothing when there was none."""
    try:
        rows = json.loads((out / "videos.json").read_text(encoding="utf-8"))
        return [row for row in rows if isinstance(row["file"], str)]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{out / 'videos.json'} is damaged; remove {out} or choose another --out") from None


def write_json(path: Path, value: Any) -> None:
    """Writes JSON in ASCII, whole or not at all: VBench reads it in whatever encoding its machine is set to."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def vbench_commands(layout: Layout, out: Path) -> list[str]:
    """The command lines that have VBench score each folder, for its own environment and any working directory."""
    out = out.resolve()
    standard = layout.suite.dimensions if layout.suite else ()
    lines = []
    for folder in layout.folders:
        videos, results = out / folder, out / "vbench" / folder
        if folder in SIDES:
            custom = ("--mode", "custom_input", "--prompt_file", str(out / f"{folder}.json"))
            lines += [
                _evaluate(videos, chosen, results, *custom) for chosen in (CUSTOM_DIMENSIONS, (PROMPT_DIMENSION,))
            ]
            continue
        if unfiltered := [dimension for dimension in standard if dimension != STATIC_DIMENSION]:
            lines.append(_evaluate(videos, unfiltered, results))
        if STATIC_DIMENSION in standard:
            lines.append(["vbench", "static_filter", "--videos_path", str(videos), "--result_path", str(results)])
            lines.append(_evaluate(results / "filtered_videos", [STATIC_DIMENSION], results))
    return [shlex.join(line) for line in lines]


def _evaluate(videos: Path, dimensions: Sequence[str], results: Path, *mode: str) -> list[str]:
    # The dimensions are one word: vbench takes no more, and the shell that it hands its line to makes many of it.
    where = ("--videos_path", str(videos), "--output_path", str(results))
    return ["vbench", "evaluate", *where, *mode, "--dimension", " ".join(dimensions)]
