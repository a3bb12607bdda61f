"""The critic's network: a clip of 32 x 32 px and 5 frames in, probabilities of facts about coloured shapes out.

What is learned is shared among the colours: the first layers say of which colour each pixel is, and one reader looks at
the map of each colour in all frames. So what a circle is, or a motion to the left, is learned once and not six times.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from feedback.errors import FeedbackError
from feedback.lexicon import OPPOSITE, SHAPES, Colour, Motion, Relation
from feedback.torch_models import INSTALL_HINT

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import Tensor, nn
except ImportError as error:
    raise FeedbackError(f"the judge 'critic' needs more packages ({error}): {INSTALL_HINT}") from error

SIDE_PX = 32
NUM_FRAMES = 5
COLOURS: tuple[Colour, ...] = ("red", "green", "blue", "yellow", "purple", "cyan")
"""Of things."""
BACKGROUNDS: tuple[Literal["black", "white", "gray"] | None, ...] = ("black", "white", "gray", None)
"""None is any other."""
MOTIONS: tuple[Motion, ...] = ("left", "right", "up", "down", "still")
RELATIONS: tuple[Relation, ...] = get_args(Relation)

_PIXEL_WIDTH = 16
_OUTLINE_WIDTH = 32
_WIDTH = 96
_TURNED = [RELATIONS.index(OPPOSITE[relation]) for relation in RELATIONS]


@dataclass(frozen=True)
class Facts:
    """Probabilities of what one clip shows, float [..., of the alternatives]; `number` is 0, 1, 2 and more."""

    background: NDArray[np.float64]
    """[4], of `BACKGROUNDS`."""
    number: NDArray[np.float64]
    """[4]: no things at all, 1, 2, 3 or more."""
    number_of: NDArray[np.float64]
    """[colour, 3]: no thing of the colour, 1, 2 or more."""
    shape: NDArray[np.float64]
    """[colour, shape]: whether a thing of the colour is one, if there is any; several may be."""
    motion: NDArray[np.float64]
    """[colour, 5], of `MOTIONS`, if there is one."""
    relation: NDArray[np.float64]
    """[colour, colour, 4]: whether the first stands so to the second, of `RELATIONS`, if both are there."""


class CriticNetwork(nn.Module):
    """Small convolutions: 0.2 M parameters, some milliseconds a clip on one core."""

    where: Tensor
    """Of each pixel, [2, y, x] in -1..1."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Sequential(nn.Conv2d(3, _PIXEL_WIDTH, 3, padding=1), nn.ReLU())
        self.maps = nn.Conv2d(_PIXEL_WIDTH, len(COLOURS) + 1, 1)
        self.reader = nn.Sequential(
            *_block(NUM_FRAMES + 2, 24, 5, stride=2),
            *_block(24, 48, 3, stride=2),
            *_block(48, 48, 3, stride=1),
        )
        self.outline = nn.Sequential(
            *_block(1, 16, 5, stride=2), *_block(16, 32, 3, stride=2), *_block(32, _OUTLINE_WIDTH, 3, stride=1)
        )
        self.placed = nn.Sequential(nn.Conv2d(48, 16, 1), nn.Flatten(), nn.Linear(16 * (SIDE_PX // 4) ** 2, _WIDTH))
        self.pooled = nn.Linear(2 * 48, _WIDTH)
        self.context = nn.Sequential(nn.Linear(2 * _WIDTH, _WIDTH), nn.ReLU())
        self.background = nn.Linear(_PIXEL_WIDTH, len(BACKGROUNDS))
        self.number = nn.Sequential(nn.Linear(2 * _WIDTH, 64), nn.ReLU(), nn.Linear(64, 4))
        self.number_of = nn.Linear(_WIDTH, 3)
        self.shape = nn.Linear(_OUTLINE_WIDTH, len(SHAPES))
        self.motion = nn.Linear(_WIDTH, len(MOTIONS))
        self.relation = nn.Sequential(nn.Linear(2 * _WIDTH, 64), nn.ReLU(), nn.Linear(64, len(RELATIONS)))
        at = torch.linspace(-1, 1, SIDE_PX)
        self.register_buffer("where", torch.stack(torch.meshgrid(at, at, indexing="ij")), persistent=False)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Logits by the names in `Facts`, for float clips in -1..1, [clip, frame, rgb, y, x].

        Beside them "pixels", [clip, frame, colour, y, x]: of which colour each pixel is, the last of none of them.
        """
        n, colours = len(clips), len(COLOURS)
        pixels = self.pixels(clips.flatten(0, 1))
        maps = self.maps(pixels)
        each = maps.softmax(1)[:, :-1].unflatten(0, (n, NUM_FRAMES)).transpose(1, 2).flatten(0, 1)
        features = self.reader(torch.cat([each, self.where.expand(len(each), -1, -1, -1)], 1))
        # A motion is the same wherever it is; only a relation needs the place, and only a shape is in a single frame.
        outlines = self.outline(each.flatten(0, 1)[:, None]).amax((2, 3)).unflatten(0, (n, colours, NUM_FRAMES)).mean(2)
        anywhere = self.pooled(torch.cat([features.amax((2, 3)), features.mean((2, 3))], 1))
        read = torch.relu(self.placed(features) + anywhere).unflatten(0, (n, colours))
        among = self.context(torch.cat([read, read.mean(1, keepdim=True).expand_as(read)], -1))
        pairs = torch.cat(
            [among[:, :, None].expand(-1, -1, colours, -1), among[:, None].expand(-1, colours, -1, -1)], -1
        )
        one_way = self.relation(pairs)
        return {
            "pixels": maps.unflatten(0, (n, NUM_FRAMES)),
            "background": self.background(pixels.mean((2, 3)).unflatten(0, (n, NUM_FRAMES)).mean(1)),
            "number": self.number(torch.cat([among.mean(1), among.amax(1)], -1)),
            "number_of": self.number_of(among),
            "shape": self.shape(outlines),
            "motion": self.motion(among),
            # "a is left of b" and "b is right of a" are one fact.
            "relation": one_way + one_way.transpose(1, 2)[..., _TURNED],
        }


def _block(taken: int, made: int, size: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(taken, made, size, stride, size // 2, bias=False), nn.BatchNorm2d(made), nn.ReLU()


def to_input(frames: NDArray[np.uint8]) -> Tensor:
    """What the network takes, float [1, 5, rgb, 32, 32], for uint8 frames [t, h, w, rgb] of any number and size.

    Frames that are not square are widened with their own edge, so that nothing is squeezed, and then scaled; of more
    than five, five are taken, evenly; of fewer, some are repeated.
    """
    t, h, w, _ = frames.shape
    chosen = frames[np.linspace(0, t - 1, NUM_FRAMES).round().astype(int)]
    if h != w:
        side = max(h, w)
        before_y, before_x = (side - h) // 2, (side - w) // 2
        around = ((0, 0), (before_y, side - h - before_y), (before_x, side - w - before_x), (0, 0))
        chosen = np.pad(chosen, around, mode="edge")
    if chosen.shape[1] != SIDE_PX:
        how = cv2.INTER_AREA if chosen.shape[1] > SIDE_PX else cv2.INTER_LINEAR
        chosen = np.stack([cv2.resize(frame, (SIDE_PX, SIDE_PX), interpolation=how) for frame in chosen])
    return to_batch(chosen[None])


def to_batch(clips: NDArray[np.uint8]) -> Tensor:
    """Float [clip, 5, rgb, 32, 32] in -1..1 for uint8 clips [clip, 5, 32, 32, rgb]."""
    return torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3).float() / 127.5 - 1


@torch.no_grad()
def facts_of(network: CriticNetwork, clips: Tensor) -> list[Facts]:
    """The facts of each clip of a batch."""
    logits = network(clips)
    told = {
        name: (torch.sigmoid(value) if name in ("shape", "relation") else torch.softmax(value, -1)).double().numpy()
        for name, value in logits.items()
        if name != "pixels"
    }
    return [Facts(**{name: values[at] for name, values in told.items()}) for at in range(len(clips))]


def load_critic(file: Path) -> CriticNetwork:
    """The network with the weights of a safetensors file, ready to be asked. Raises FeedbackError."""
    network = CriticNetwork()
    try:
        network.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise FeedbackError(f"no weights of the critic in {file}: {str(error).splitlines()[0]}") from error
    return network.eval()
