"""What a run produces, step by step, as plain records: candidates, renders, decisions, the outcome.

All of them are JSON-plain and frozen; scores follow `feedback.records`. Ids are short strings made by the loop, never
by a user: candidates "0" (the prompt itself), "1", "2", …; renders "{candidate}-{seed}".
"""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from feedback.records import Assessment

StopReason = Literal[
    "score_threshold", "no_improvement", "max_iterations", "max_renders", "time_limit", "max_cost", "stop_file",
    "all_candidates_failed", "unreachable",
]  # fmt: skip
STOP_REASONS: tuple[StopReason, ...] = get_args(StopReason)

Fault = Literal["prompt", "generator", "unclear"]
"""Who is to blame for what is wrong in a clip: a wording that can be bettered, or a generator that can't do it."""

Purpose = Literal["loop", "full", "verify"]
"""Of a render: for the search (a draft, where the run drafts), a leader again in full, or on new seeds."""


class Record(BaseModel):
    """A plain value that is written to disk: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Record):
    """One thing the screen found in a text."""

    rule: str
    """Which rule: "intent", "count", "tokens", "refusal", "preamble", "empty", "nonsense", …"""
    detail: str


class Candidate(Record):
    """One text offered to the generator."""

    id: str
    iteration: int
    """0 for the first candidates, then one more a refinement."""
    text: str
    origin: Literal["prompt", "retrieval", "instruction", "distilled", "refine", "fallback", "review"]
    rationale: str = ""
    parent: str | None = None
    """The candidate it was rewritten from."""
    modifiers: list[str] = []
    """Modifiers it was given."""
    raw_text: str | None = None
    """The text before the screen repaired it; None when it passed as it was."""
    findings: list[Finding] = []
    dropped: str | None = None
    """Why the screen dropped it; None when it may be rendered."""


def name_render(candidate: str, seed: int, purpose: Purpose) -> str:
    """The id of a render; a full one stands beside its draft."""
    return f"{candidate}-{seed}{'-full' if purpose == 'full' else ''}"


class Render(Record):
    """One video made from one candidate with one seed, or the reason why there is none."""

    candidate: str
    seed: int
    iteration: int
    purpose: Purpose = "loop"
    path: str | None = None
    """Relative to the run folder; None when it failed."""
    failure: str | None = None
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """Names the render, its file and its assessment."""
        return name_render(self.candidate, self.seed, self.purpose)


class Assessed(Record):
    """One render with what feedback said of it."""

    render: str
    assessment: Assessment


class Unreachable(Record):
    """A question that held in no render, however it was worded: no more is paid for it."""

    question: str
    """Its id in the checklist."""
    text: str
    wordings: int
    """In how many different ways the candidates asked for it."""
    renders: int
    """In how many renders it was answered, each time with no."""
    seeds: int
    """How many different seeds these have."""
    best_p_yes: float = Field(ge=0.0, le=1.0)
    """The highest mean P(yes) that any of the texts came to."""
    seen: str = ""
    """What was seen instead most often; empty when no source said."""
    fault: Fault = "unclear"
    """Whom the rewriter blamed last; "unclear" when it blamed none, as the rules never do."""


class Decision(Record):
    """Go on, or stop with a named reason; and who leads."""

    iteration: int
    champion: str | None
    """Id of the leading candidate, None when nothing could be scored."""
    score: float | None
    """The champion's overall score on the loop's seeds."""
    stop: StopReason | None = None
    words_ended: StopReason | None = None
    """Why there are no new words in the next iteration, which renders the champion's on new seeds; None: there are."""
    why: str = ""
    """One sentence for the person who reads the log."""
    unreachable: list[Unreachable] = []
    """Questions that count no longer, for the rewriter and for when to stop; scores are what they are."""


class PairOrders(Record):
    """How drafts and full renders order the pairs of candidates on the same seed, counted."""

    agreeing: int = 0
    opposing: int = 0
    tied_as_drafts: int = 0
    """Only as drafts."""
    tied_in_full: int = 0
    """Only in full."""
    tied_in_both: int = 0

    @property
    def pairs(self) -> int:
        """All of them."""
        return self.agreeing + self.opposing + self.tied_as_drafts + self.tied_in_full + self.tied_in_both

    @property
    def rank_correlation(self) -> float | None:
        """Kendall's tau-b, -1..1; None when either side tells no pair apart."""
        told = self.agreeing + self.opposing
        spread = (told + self.tied_as_drafts) * (told + self.tied_in_full)
        return (self.agreeing - self.opposing) / spread**0.5 if spread else None


class Promotion(Record):
    """The drafts' leaders rendered in full: who leads among them, and whether the drafts had ranked them alike."""

    candidates: list[str]
    """Those that have full renders, in the order of the drafts."""
    champion: str | None
    """The leader by the full renders; None when none could be scored."""
    score: float | None
    """The champion's overall score, in full, on the loop's seeds."""
    order: PairOrders
    rank_correlation: float | None = Field(ge=-1.0, le=1.0)
    """Kendall's tau-b over all these pairs: 1 when the drafts rank as the full renders do, about 0 when by chance."""
    why: str = ""
    """Why there is no rank correlation, when there is none."""
    draft_seconds: float | None = None
    """Mean time of a draft of these candidates."""
    full_seconds: float | None = None
    """Mean time of their full renders."""


class Verification(Record):
    """Champion and original on seeds neither has seen."""

    seeds: list[int]
    """Those on which both have a score."""
    champion: str
    champion_scores: list[float]
    """Overall score per seed, same order as `seeds`."""
    original_scores: list[float]
    gain: float | None
    """Mean of champion minus original; None without seeds."""
    why: str = ""
    """Why seeds are missing, when some are."""


class Totals(Record):
    """What the run cost."""

    renders: int = 0
    failed_renders: int = 0
    render_seconds: float = 0.0
    llm_calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    fallbacks: int = 0
    """Candidates that the rules wrote because the rewriter failed."""
    seconds: float = 0.0
    """Of the process that finished the run."""


class Result(Record):
    """The outcome of a run, as in result.json."""

    prompt: str
    best: Candidate
    """What the user should use. The original, when nothing beat it."""
    best_score: float | None
    """On the loop's seeds."""
    best_video: str | None
    original_score: float | None
    original_video: str | None
    promotion: Promotion | None = None
    """None when the run did not draft, or ended before the full renders."""
    verification: Verification | None
    """None when no verification was asked for or possible: the gain is not verified."""
    verified_gain: float | None
    """Of `best` over the original on unseen seeds: 0 when `best` is the original and something else was tried.

    None when not verified. The original is also returned where the champion lost on those seeds: then 0 is no
    measurement, and `verification.gain` is the champion's."""
    stop_reason: StopReason
    why: str
    unreachable: list[Unreachable] = []
    """What the last decision called so and no other render, in full or on unseen seeds, has shown either."""
    iterations: int
    totals: Totals
