"""When a run gives a row of training data, and which rows are held out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """What the command's flags say."""

    min_gain: float = 0.0
    """A winner is taught when its verified gain is above this."""
    margin: float = 0.05
    """Least difference of the overall scores of a pair, 0..1."""
    dominance: bool = True
    """Whether the better text must also be worse in no dimension, beyond the slack."""
    min_seeds: int = 2
    """Least number of seeds on which both texts of a pair have a score: one alone may be luck."""
    per_prompt: int = 3
    """Most pairs of one prompt."""
    screen_per_prompt: int = 1
    """Most pairs of one prompt that no video has told apart, only the screen."""
    near: float = 0.9
    """From this similarity on, 0..1, two texts count as the same; see `finetune.data.near`."""
    test_share: float = 0.1
    """Share of the prompts whose rows are held out."""
    split_seed: int = 0
    """Another one holds out other prompts."""
