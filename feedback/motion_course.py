"""How the things in a clip move in its course, in figures and in words that a language model can hold to a rule."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from feedback.clip import Clip
from feedback.flow import CameraMotion
from feedback.moving_regions import MovingRegion, Step, find_moving_regions
from feedback.records import Record

PARTS = 3
"""A clip is described in this many parts of equal length."""
MOST_REGIONS = 6
"""Described of one clip, the largest first; of a grid all cells are."""
_CHANGE = 0.2
"""Of its mean: a speed that changes by less is even."""
_NOTICED = 0.0015
"""Of the shorter side, per frame: changes of speed and motions of the camera below this may be the flow's error."""
_GROWS = 0.02
"""Per frame: areas that change by less keep their size."""
_ZOOMS = 0.002
"""Per frame: a camera whose background changes its size by less does not zoom."""
_ONE_WAY = 0.5
"""Agreement below which a region's parts go different ways."""
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")


class RegionCourse(Record):
    """How one region moves, the camera's part taken off. Lists hold one entry for each third of the clip."""

    place: str
    """Where it is at the start and, if elsewhere, at the end: "upper middle to lower middle"."""
    is_cell: bool
    """True for a cell of the 3 x 3 grid, False for one thing that was followed."""
    steps: int
    """From how many frames to the next it was seen to move."""
    area_share: float
    """Of the picture, the median."""
    speed_px_per_frame: list[float | None]
    """Whichever way its parts go, so that opposite ones do not cancel. None where it was not seen to move."""
    direction: list[str]
    """"down", "up and left", …; "outwards", "inwards" or "different ways" where its parts go no one way."""
    acceleration_px_per_frame2: tuple[float, float] | None
    """(right, down): by how much its velocity changes each frame, by the best line through all steps. None for fewer
    than three, and where its parts go no one way."""
    growth_per_frame: float
    """By how much its area grows, as a share: the median divergence of the flow. Below 0 it shrinks."""


class MotionCourse(Record):
    """How everything in a clip moves."""

    frames: int
    fps: float
    width: int
    height: int
    camera_known_share: float
    """Of the steps: in the others too little texture moves as one, and the camera counts as still."""
    camera_background_velocity_px_per_frame: tuple[float, float]
    """(right, down), the median: what the background does on the screen."""
    camera_zoom_per_frame: float
    """The median; above 1 when the camera comes closer."""
    regions: list[RegionCourse]
    """The largest first; empty when nothing moves."""
    left_out: int
    """Smaller regions that are not described."""

    def in_words(self) -> str:
        """Some lines of plain text: the clip, the camera, then one line for each region."""
        head = (
            f"{self.frames} frames at {self.fps:g} per second, {self.width} x {self.height} px. {self._camera()}. "
            "Speeds are those at the beginning, in the middle and at the end, the camera's motion taken off."
        )
        lines = [self._line(region) for region in self.regions] or ["- Nothing moves."]
        more = [f"- {self.left_out} smaller things move too."] if self.left_out else []
        return "\n".join([head, *lines, *more])

    def _camera(self) -> str:
        if self.camera_known_share < 0.5:
            return "Whether the camera moves can't be told; it counts as still"
        does = []
        shift, zoom = self.camera_background_velocity_px_per_frame, self.camera_zoom_per_frame - 1
        if np.hypot(*shift) >= self._noticed_px:
            does.append(f"carries the background {_way(shift)} at {np.hypot(*shift):.1f} px/frame")
        if abs(zoom) >= _ZOOMS:
            does.append(f"zooms {'in' if zoom > 0 else 'out'} by {100 * abs(zoom):.1f} % a frame")
        return f"The camera {' and '.join(does) or 'stands still'}"

    def _line(self, region: RegionCourse) -> str:
        name = f"grid cell {region.place}" if region.is_cell else region.place
        parts = [self._speeds(region), self._pace(region)]
        acceleration = region.acceleration_px_per_frame2
        if acceleration and np.hypot(*acceleration) * region.steps > self._least_change(region):
            parts.append(f"acceleration {np.hypot(*acceleration):.2f} px/frame per frame {_way(acceleration)}")
        if abs(region.growth_per_frame) >= _GROWS and not region.is_cell:
            grows = "grows" if region.growth_per_frame > 0 else "shrinks"
            parts.append(f"its area {grows} by {100 * abs(region.growth_per_frame):.0f} % a frame")
        if region.steps < self.frames - 1:
            parts.append(f"seen to move in {region.steps} of {self.frames - 1} steps")
        return f"- {name}, {100 * region.area_share:.1f} % of the picture: {'; '.join(parts)}."

    def _speeds(self, region: RegionCourse) -> str:
        ways = list(dict.fromkeys(way for way in region.direction if way))
        speeds = " then ".join("none" if speed is None else f"{speed:.1f}" for speed in region.speed_px_per_frame)
        percent = ", ".join(f"{100 * speed * self.fps / self.width:.0f}" for speed in _known(region))
        return f"moves {', then '.join(ways)}, {speeds} px/frame ({percent} % of the width per second)"

    def _pace(self, region: RegionCourse) -> str:
        speeds, least = _known(region), self._least_change(region)
        turns = [after - before for before, after in pairwise(speeds) if abs(after - before) > least]
        if not turns and abs(speeds[-1] - speeds[0]) > least:
            turns = [speeds[-1] - speeds[0]]
        words = dict.fromkeys("speeds up" if turn > 0 else "slows down" for turn in turns)
        return ", then ".join(words) or "at an even speed"

    def _least_change(self, region: RegionCourse) -> float:
        """Of its speed, in px/frame, for it to be told."""
        return max(self._noticed_px, _CHANGE * float(np.mean(_known(region))))

    @property
    def _noticed_px(self) -> float:
        return _NOTICED * min(self.width, self.height)


def measure_course(clip: Clip) -> MotionCourse:
    """How everything moves in a clip of two frames or more; of fewer, ValueError."""
    if clip.num_frames < 2:
        raise ValueError("one frame has no motion")
    found = find_moving_regions(clip)
    known = [camera for camera in found.cameras if camera.known]
    right, down = np.median([camera.shift_px for camera in known], axis=0).tolist() if known else (0.0, 0.0)
    told = [region for n, region in enumerate(found.regions) if region.is_cell or n < MOST_REGIONS]
    return MotionCourse(
        frames=clip.num_frames,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        camera_known_share=round(len(known) / len(found.cameras), 3),
        camera_background_velocity_px_per_frame=(round(right, 2), round(down, 2)),
        camera_zoom_per_frame=round(float(np.median([camera.zoom for camera in known])), 4) if known else 1.0,
        regions=[_course(region, found.cameras, clip) for region in told],
        left_out=len(found.regions) - len(told),
    )


def _course(region: MovingRegion, cameras: Sequence[CameraMotion], clip: Clip) -> RegionCourse:
    times = sorted(region.steps)
    steps = [region.steps[t] for t in times]
    parts = [
        [region.steps[t] for t in part if t in region.steps] for part in np.array_split(range(len(cameras)), PARTS)
    ]
    first, last = (_place(step.center, clip) for step in (steps[0], steps[-1]))
    slope = None
    if len(steps) >= 3 and _go_one_way(steps):
        slope = np.polyfit(times, [step.velocity for step in steps], 1)[0].tolist()
    return RegionCourse(
        place=first if first == last else f"{first} to {last}",
        is_cell=region.is_cell,
        steps=len(steps),
        area_share=round(float(np.median([step.share for step in steps])), 4),
        speed_px_per_frame=[_speed(part) for part in parts],
        direction=[_direction(part) for part in parts],
        acceleration_px_per_frame2=(round(slope[0], 3), round(slope[1], 3)) if slope else None,
        growth_per_frame=round(float(np.median([step.growth for step in steps])), 4),
    )


def _known(region: RegionCourse) -> list[float]:
    return [speed for speed in region.speed_px_per_frame if speed is not None]


def _place(center: tuple[float, float], clip: Clip) -> str:
    column = min(2, int(3 * center[0] / clip.width))
    row = min(2, int(3 * center[1] / clip.height))
    return "middle" if (row, column) == (1, 1) else f"{_ROWS[row]} {_COLUMNS[column]}"


def _speed(steps: Sequence[Step]) -> float | None:
    return round(float(np.median([step.speed for step in steps])), 2) if steps else None


def _go_one_way(steps: Sequence[Step]) -> bool:
    return bool(np.median([step.agreement for step in steps]) >= _ONE_WAY)


def _direction(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    if _go_one_way(steps):
        return _way(np.median([step.velocity for step in steps], axis=0))
    growth = np.median([step.growth for step in steps])
    return "different ways" if abs(growth) < _GROWS else "outwards" if growth > 0 else "inwards"


def _way(vector: Sequence[float] | np.ndarray) -> str:
    """The nearest of eight directions, in words."""
    right, down = float(vector[0]), float(vector[1])
    upright, sideways = "up" if down < 0 else "down", "left" if right < 0 else "right"
    if abs(right) > 2.4 * abs(down):
        return sideways
    return upright if abs(down) > 2.4 * abs(right) else f"{upright} and {sideways}"
