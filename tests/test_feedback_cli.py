"""`retake score` on a video file."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from feedback.cli import app
from feedback.errors import FeedbackError
from feedback.records import Assessment, Question
from feedback.video_file import write_clip
from tests.drawing import Thing, draw_clip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "ball.mp4"
    write_clip(draw_clip([Thing("circle", "red", 20, 40, 10, dx=5)], frames=8, size=(96, 96)), path)
    return path


def run(*args: str) -> str:
    result = CliRunner().invoke(app, list(args), catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_json_is_one_object_that_loads(video):
    record = json.loads(run(str(video), "--prompt", "a red ball moves right", "--json"))
    assert record["prompt"] == "a red ball moves right"
    assert [Question.model_validate(question).id for question in record["checklist"]] == ["q1", "q2", "q3", "q4"]
    assessment = Assessment.model_validate(record["assessment"])
    assert assessment.intent is not None
    assert assessment.intent > 0.9
    assert list(assessment.dimensions) == ["alignment", "spatial", "temporal", "motion"]


def test_the_tables_say_what_is_wrong(video):
    output = run(str(video), "--prompt", "a red ball moves left", "--sources", "alignment")
    assert "moves right" in output
    assert "Does the red ball move to the left?" in output


def test_markup_in_a_prompt_is_shown_as_it_is(video):
    assert "[red]ball" in run(str(video), "--prompt", "a dog, with [red]ball", "--sources", "alignment")


@pytest.mark.parametrize(
    "args",
    [("--sources", "smell"), ("--judge", "nobody"), ("--sources", ","), ("--detector", "none", "--sources", "spatial")],
)
def test_a_slip_is_told_before_the_video_is_read(args):
    with pytest.raises(FeedbackError):
        CliRunner().invoke(app, ["missing.mp4", "--prompt", "a ball", *args], catch_exceptions=False)


@pytest.mark.parametrize(("path", "prompt"), [("missing.mp4", "a ball"), ("missing.mp4", " ")])
def test_a_missing_file_and_an_empty_prompt_are_slips(path, prompt):
    with pytest.raises(FeedbackError):
        CliRunner().invoke(app, [path, "--prompt", prompt], catch_exceptions=False)


def test_importing_the_command_loads_nothing_heavy():
    code = "import feedback.cli, sys; print([m for m in ('cv2', 'av', 'numpy', 'torch') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
