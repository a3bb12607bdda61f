"""How a run came out, in the words and figures that stand at the head of its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.records import Candidate, Render, StopReason, Unreachable, Verification
from agent.standings import Standing
from agent.trajectory import Trajectory

STOP_SENTENCES: Mapping[StopReason, str] = {
    "score_threshold": "The score is good enough.",
    "no_improvement": "New candidates brought no more improvement.",
    "max_iterations": "All refinements that were allowed are done.",
    "max_renders": "All renders that were allowed are made.",
    "time_limit": "The time is up.",
    "max_cost": "The budget is spent.",
    "stop_file": "A STOP file asked the run to end.",
    "all_candidates_failed": "No candidate gave a video that could be scored.",
    "unreachable": "What still fails held in no video, however it was worded.",
}


@dataclass(frozen=True)
class Outcome:
    """The end of a finished run, or where an unfinished one stands."""

    headline: str
    original: Candidate | None
    best: Candidate | None
    """What to use; in an unfinished run, what leads so far."""
    original_score: float | None
    best_score: float | None
    original_video: str | None
    best_video: str | None
    gain: float | None
    gain_note: str
    stop_reason: str
    stop_sentence: str
    why: str
    unreachable: Sequence[Unreachable]
    """Questions that held in no render, however they were worded."""
    verification: Verification | None


def read_outcome(trajectory: Trajectory, standings: Mapping[str, Standing]) -> Outcome:
    """The outcome as the trajectory has it. An unverified gain is None, and the note says why."""
    result = trajectory.result
    candidates = {candidate.id: candidate for candidate in trajectory.candidates}
    original = candidates.get("0")
    if result is not None:
        return Outcome(
            headline=_headline(result.best, result.best_score, result.verification),
            original=original,
            best=result.best,
            original_score=result.original_score,
            best_score=result.best_score,
            original_video=result.original_video,
            best_video=result.best_video,
            gain=result.verified_gain,
            gain_note=_note_gain(result.best, result.verified_gain, result.verification),
            stop_reason=result.stop_reason,
            stop_sentence=STOP_SENTENCES[result.stop_reason],
            why=result.why,
            unreachable=result.unreachable,
            verification=result.verification,
        )
    last = trajectory.decisions[-1] if trajectory.decisions else None
    leader = candidates.get(last.champion) if last and last.champion else None
    return Outcome(
        headline=f"Under way: {_name(leader)} leads so far" if leader else "Under way: nothing to show yet",
        original=original,
        best=leader,
        original_score=standings["0"].overall if "0" in standings else None,
        best_score=last.score if last else None,
        original_video=_first_video("0", trajectory.renders),
        best_video=_first_video(leader.id, trajectory.renders) if leader else None,
        gain=None,
        gain_note="not verified: the run is not finished",
        stop_reason="unfinished",
        stop_sentence="The same command goes on where this run stands.",
        why=last.why if last else "",
        unreachable=last.unreachable if last else [],
        verification=trajectory.verification,
    )


def _headline(best: Candidate, score: float | None, verification: Verification | None) -> str:
    if score is None:
        return "No video could be scored"
    if best.id != "0":
        return f"Candidate {best.id} shows it best"
    if verification is not None and verification.champion != "0":
        return f"Your own prompt stands: candidate {verification.champion} did worse on new seeds"
    return "Your own prompt stands: no candidate did better"


def _note_gain(best: Candidate, gain: float | None, verification: Verification | None) -> str:
    if gain is None:
        return f"not verified: {verification.why if verification else 'no unseen seeds were rendered'}"
    if best.id == "0" and verification is not None:
        return f"your own prompt is returned: candidate {verification.champion} came to {verification.gain:+.3f}"
    if best.id == "0":
        return "your own prompt is returned"
    seeds = verification.seeds if verification else []
    return f"on unseen seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _name(candidate: Candidate) -> str:
    return "your own prompt" if candidate.id == "0" else f"candidate {candidate.id}"


def _first_video(candidate: str, renders: list[Render]) -> str | None:
    return next((r.path for r in renders if r.candidate == candidate and r.purpose == "loop" and r.path), None)
