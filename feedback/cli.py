"""`retake score`: what feedback says of a video file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feedback.defaults import CONSISTENCY_MODEL, REWARD_MODEL, SIMILARITY_MODEL

if TYPE_CHECKING:
    from feedback.records import Assessment, Question

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command("score")
def score_command(
    clip: Annotated[Path, typer.Argument(metavar="CLIP.mp4", help="The video to look at.")],
    prompt: Annotated[str, typer.Option(help="What the video should show.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    sources: Annotated[str, typer.Option(help="Comma-separated names of feedback sources.")] = (
        "alignment,spatial,temporal,motion"
    ),
    judge: Annotated[str, typer.Option(help="Who answers the checklist: shapes, vlm, vlm-endpoint.")] = "shapes",
    judge_model: Annotated[str | None, typer.Option(help="Model of the judge.")] = None,
    judge_revision: Annotated[str | None, typer.Option(help="Its revision on the hub.")] = None,
    judge_base_url: Annotated[str | None, typer.Option(help="Server of vlm-endpoint.")] = None,
    detector: Annotated[str, typer.Option(help="Who finds things: shapes, zero-shot, none.")] = "shapes",
    detector_model: Annotated[str | None, typer.Option(help="Model of zero-shot.")] = None,
    similarity_model: Annotated[str, typer.Option(help="Encoder of the source similarity.")] = SIMILARITY_MODEL,
    consistency_model: Annotated[str, typer.Option(help="Encoder of the source consistency.")] = CONSISTENCY_MODEL,
    reward_model: Annotated[str, typer.Option(help="Model of the source videoscore2.")] = REWARD_MODEL,
    device: Annotated[str, typer.Option(help="Where models run: auto, cpu, cuda, cuda:1, …")] = "auto",
) -> None:
    """Score a video against a prompt: every source, the checklist, and what is wrong."""
    from feedback.checklist import make_checklist
    from feedback.combine import combine_feedback
    from feedback.errors import FeedbackError
    from feedback.gather import gather_feedback
    from feedback.registry import SourceSettings, open_detector, open_judge, open_sources
    from feedback.video_file import read_clip

    if not prompt.strip():
        raise FeedbackError("the prompt is empty; say what the video should show")
    names = [name.strip() for name in sources.split(",") if name.strip()]
    asked = open_sources(
        names,
        open_judge(judge, judge_model, judge_revision, judge_base_url, device),
        open_detector(detector, detector_model, device=device),
        SourceSettings(similarity_model, consistency_model, reward_model, device=device),
    )
    if not asked:
        raise FeedbackError("no feedback source was named; name some, e.g. --sources alignment,motion")
    checklist = make_checklist(prompt)
    assessment = combine_feedback(gather_feedback(asked, read_clip(clip), prompt, checklist), checklist)
    if as_json:
        record = {
            "prompt": prompt,
            "clip": str(clip),
            "checklist": [question.model_dump() for question in checklist],
            "assessment": assessment.model_dump(),
        }
        typer.echo(json.dumps(record, ensure_ascii=False))
    else:
        _print_tables(assessment, checklist)


def _print_tables(assessment: "Assessment", checklist: "list[Question]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("source", "score", "critique, or why there is no score", title="Feedback")
    for feedback in assessment.feedbacks:
        words = feedback.critique if feedback.score.value is not None else feedback.score.why
        table.add_row(feedback.source, _number(feedback.score.value), Text(words))
    table.add_section()
    table.add_row("overall", _number(assessment.overall), "")
    table.add_row("intent", _number(assessment.intent), "share of the questions below that hold")
    console.print(table)
    questions = Table("", "question", "P(yes)", "seen", title="Checklist")
    for question in checklist:
        verdicts = [v for f in assessment.feedbacks for v in f.verdicts if v.question_id == question.id]
        given = [verdict for verdict in verdicts if verdict.p_yes is not None] or verdicts[:1]
        mark = "?" if not given or given[0].p_yes is None else "no" if question.id in assessment.failing else "yes"
        values = " / ".join(dict.fromkeys(_number(verdict.p_yes) for verdict in given))
        seen = " / ".join(dict.fromkeys(verdict.seen for verdict in given if verdict.seen))
        questions.add_row(mark, Text(question.text), values, Text(seen))
    console.print(questions)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
