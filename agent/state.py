"""What the graph remembers between nodes: JSON-plain, small, paths instead of pixels."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

from pydantic import TypeAdapter

from agent.records import Assessed, Candidate, Decision, Promotion, Purpose, Render
from agent.rewriter import Draft
from feedback.records import Question

Row = dict[str, Any]


def merge_by(*keys: str) -> Callable[[list[Row], list[Row]], list[Row]]:
    """A reducer: rows with the same keys are replaced, new ones appended, so that a node may run twice."""

    def merge(old: list[Row], new: list[Row]) -> list[Row]:
        rows = {tuple(row[key] for key in keys): row for row in old}
        rows |= {tuple(row[key] for key in keys): row for row in new}
        return list(rows.values())

    return merge


class LoopState(TypedDict, total=False):
    """One run under way; every row is a record of `agent.records` in JSON form."""

    prompt: str
    """What the user typed, without its flags; from retrieve on, as the principles let it through."""
    checklist: list[Row]
    """Set by retrieve."""
    modifiers: list[Row]
    """Set by retrieve."""
    iteration: int
    """Set by compose and refine."""
    drafts: list[Row]
    """What compose or refine wrote, until screen makes candidates of it."""
    candidates: Annotated[list[Row], merge_by("id")]
    renders: Annotated[list[Row], merge_by("candidate", "seed", "purpose")]
    assessed: Annotated[list[Row], merge_by("render")]
    decisions: Annotated[list[Row], merge_by("iteration")]
    promotion: Row | None
    """Set by promote; None when the run does not draft."""
    verification: Row | None
    """Set by verify; None when nothing was verified."""
    result: Row
    """Set by finish."""


class RenderTask(TypedDict):
    """One render to make: what `Send` hands to a render node."""

    prompt: str
    """Of the run; `text` is what is rendered."""
    candidate: str
    seed: int
    iteration: int
    purpose: Purpose
    text: str


_CANDIDATES = TypeAdapter(list[Candidate])
_RENDERS = TypeAdapter(list[Render])
_ASSESSED = TypeAdapter(list[Assessed])
_DECISIONS = TypeAdapter(list[Decision])
_DRAFTS = TypeAdapter(list[Draft])
_QUESTIONS = TypeAdapter(list[Question])


class History:
    """The state as records."""

    def __init__(self, state: LoopState) -> None:
        self.prompt: str = state.get("prompt", "")
        self.iteration: int = state.get("iteration", 0)
        self.checklist: list[Question] = _QUESTIONS.validate_python(state.get("checklist", []))
        self.candidates: list[Candidate] = _CANDIDATES.validate_python(state.get("candidates", []))
        self.drafts: list[Draft] = _DRAFTS.validate_python(state.get("drafts", []))
        self.renders: list[Render] = sorted(
            _RENDERS.validate_python(state.get("renders", [])),
            key=lambda row: (row.purpose, int(row.candidate), row.seed),
        )
        self.assessed: list[Assessed] = _ASSESSED.validate_python(state.get("assessed", []))
        self.decisions: list[Decision] = _DECISIONS.validate_python(state.get("decisions", []))
        found = state.get("promotion")
        self.promotion: Promotion | None = Promotion.model_validate(found) if found else None

    @property
    def champion(self) -> str | None:
        """Id of the leader: by the full renders where there are any, else by the last decision."""
        if self.promotion is not None and self.promotion.champion is not None:
            return self.promotion.champion
        return self.decisions[-1].champion if self.decisions else None

    @property
    def keeps_words(self) -> bool:
        """Whether this iteration renders the champion's words on new seeds, instead of new words."""
        return bool(self.decisions) and self.decisions[-1].words_ended is not None

    def candidate(self, candidate_id: str) -> Candidate:
        """The candidate of that id."""
        return next(candidate for candidate in self.candidates if candidate.id == candidate_id)

    def new_candidates(self) -> list[Candidate]:
        """This iteration's candidates that may be rendered."""
        return [c for c in self.candidates if c.iteration == self.iteration and c.dropped is None]

    def best_video(self, candidate_id: str) -> str | None:
        """Path of the candidate's best scored video on the loop's seeds, in full if there is one, in the run folder."""
        scores = {row.render: row.assessment.overall for row in self.assessed}
        own = [r for r in self.renders if r.candidate == candidate_id and r.path]
        made = [r for r in own if r.purpose == "full"] or [r for r in own if r.purpose == "loop"]
        return max(made, key=lambda render: scores.get(render.id) or 0.0).path if made else None


def rows(records: Sequence[Candidate | Render | Assessed | Decision | Question]) -> list[Row]:
    """Records as the state holds them."""
    return [record.model_dump(mode="json") for record in records]


def draft_rows(drafts: Sequence[Draft]) -> list[Row]:
    """Drafts as the state holds them."""
    return _DRAFTS.dump_python(list(drafts), mode="json")
