"""Retake's front door: the few names a program needs, and the `retake` command. Both load things only when used.

import retake
result = retake.optimize("red ball moving right, left of a blue box")
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.config import LoopConfig as LoopConfig
    from agent.config_file import make_config as make_config
    from agent.errors import Interrupted as Interrupted
    from agent.errors import UsageError as UsageError
    from agent.language_model import LanguageModel as LanguageModel
    from agent.optimize import optimize as optimize
    from agent.records import Result as Result
    from agent.renderer import Renderer as Renderer
    from agent.renderer import RendererInfo as RendererInfo
    from agent.renderer import RenderRequest as RenderRequest
    from agent.renderer import StepCallback as StepCallback
    from agent.rewrite_prompts import Rewritten as Rewritten
    from agent.rewrite_prompts import rewrite as rewrite
    from agent.rewriter import Attempt as Attempt
    from agent.rewriter import Draft as Draft
    from agent.rewriter import Rewriter as Rewriter
    from agent.rewriter import RewriteTask as RewriteTask
    from agent.trajectory import Trajectory as Trajectory
    from agent.trajectory import read_trajectory as read_trajectory
    from feedback.clip import Clip as Clip
    from feedback.detector import Detection as Detection
    from feedback.detector import Detector as Detector
    from feedback.judge import Judge as Judge
    from feedback.records import Feedback as Feedback
    from feedback.records import Question as Question
    from feedback.records import Score as Score
    from feedback.records import Verdict as Verdict
    from feedback.source import FeedbackSource as FeedbackSource
    from graph_store.embedder import Embedder as Embedder
    from graph_store.store import ModifierStore as ModifierStore

_HOMES = {
    "LoopConfig": "agent.config",
    "make_config": "agent.config_file",
    "Interrupted": "agent.errors",
    "UsageError": "agent.errors",
    "LanguageModel": "agent.language_model",
    "optimize": "agent.optimize",
    "Result": "agent.records",
    "RenderRequest": "agent.renderer",
    "Renderer": "agent.renderer",
    "RendererInfo": "agent.renderer",
    "StepCallback": "agent.renderer",
    "Rewritten": "agent.rewrite_prompts",
    "rewrite": "agent.rewrite_prompts",
    "Attempt": "agent.rewriter",
    "Draft": "agent.rewriter",
    "RewriteTask": "agent.rewriter",
    "Rewriter": "agent.rewriter",
    "Trajectory": "agent.trajectory",
    "read_trajectory": "agent.trajectory",
    "Clip": "feedback.clip",
    "Detection": "feedback.detector",
    "Detector": "feedback.detector",
    "Judge": "feedback.judge",
    "Feedback": "feedback.records",
    "Question": "feedback.records",
    "Score": "feedback.records",
    "Verdict": "feedback.records",
    "FeedbackSource": "feedback.source",
    "Embedder": "graph_store.embedder",
    "ModifierStore": "graph_store.store",
}
"""Where each public name lives; the imports above say the same to type checkers."""

__all__ = [*_HOMES, "main"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retake' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def main() -> None:
    """The `retake` command. Exits 0 done, 1 error, 2 usage, 3 finished with failed items, 130 interrupted."""
    from rich.console import Console
    from rich.markup import escape

    from agent.errors import Interrupted, StageError, UsageError
    from feedback.errors import FeedbackError
    from finetune.errors import DistillError
    from graph_store.errors import GraphStoreError

    try:
        _make_app()()
    except (UsageError, FeedbackError, GraphStoreError, DistillError, StageError) as problem:
        Console(stderr=True).print(f"[red]error:[/] {escape(str(problem))}", soft_wrap=True, highlight=False)
        sys.exit(1 if isinstance(problem, StageError) else 2)
    except OSError as problem:
        if problem.filename is None:
            raise
        Console(stderr=True).print(
            f"[red]error:[/] {escape(f'{problem.filename}: {problem.strerror}')}", soft_wrap=True, highlight=False
        )
        sys.exit(2)
    except Interrupted:
        sys.exit(130)


def _make_app() -> Any:
    import typer

    from agent.bench.cli import bench_command
    from agent.cli import app
    from agent.export.cli import app as export_app
    from agent.prompts_cli import app as prompts_app
    from agent.rewrite_cli import rewrite_command
    from agent.tag import tag_command
    from feedback.cli import app as score_app
    from finetune.cli import app as distill_app
    from graph_store.cli import app as graph_app

    app.info.help = "Shoots a video from your prompt, looks at it, rewrites the prompt and shoots again."
    app.command("rewrite")(rewrite_command)
    app.command("bench")(bench_command)
    app.add_typer(score_app)
    app.add_typer(export_app, name="export", help="Finished runs in the shapes of other tools.")
    app.add_typer(prompts_app, name="prompts", help="What a language model is told: show it, or write your own.")
    graph_app.command("tag")(tag_command)
    app.add_typer(graph_app, name="graph", help="Relation graphs: captions in, modifiers out.")
    app.add_typer(distill_app, name="distill", help="Trajectories in, training data for a better rewriter out.")
    return typer.main.get_command(app)


if __name__ == "__main__":
    main()
