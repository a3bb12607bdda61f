"""The shapes judge and the shapes detector."""

import numpy as np
import pytest

from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.detectors.shapes import ShapesDetector
from feedback.judges.shapes import ShapesJudge
from feedback.lexicon import OPPOSITE
from feedback.records import Question, Verdict
from feedback.tracking import paths_of
from tests import conformance_detector, conformance_judge
from tests.drawing import RGB, Thing, draw_clip

RED_BALL = Thing("circle", "red", 30, 48, 12)
BLUE_BOX = Thing("square", "blue", 70, 48, 12)
KNOWN = Question(id="a", kind="object", text="Is there a red ball?", phrase="red ball", subject="red ball")
UNKNOWN = Question(id="b", kind="object", text="Is there a cat?", phrase="a cat", subject="cat")
HUES = [colour for colour in RGB if colour not in ("black", "white", "gray")]


def draw(*things: Thing, frames: int = 6, **options) -> Clip:
    return draw_clip(things, frames=frames, size=(96, 96), **options)


def ask(clip: Clip, prompt: str) -> dict[str, Verdict]:
    checklist = make_checklist(prompt)
    return {q.text: verdict for q, verdict in zip(checklist, ShapesJudge().ask(clip, checklist), strict=True)}


def says(clip: Clip, prompt: str, kind: str) -> tuple[float | None, str]:
    questions = [question for question in make_checklist(prompt) if question.kind == kind]
    verdict = ShapesJudge().ask(clip, questions)[-1]
    return verdict.p_yes, verdict.seen


def test_the_judge_keeps_its_contract():
    clip = draw(RED_BALL)
    conformance_judge.check_one_verdict_per_question(ShapesJudge(), clip, KNOWN, UNKNOWN)
    conformance_judge.check_what_it_cannot_see_has_a_reason(ShapesJudge(), clip, UNKNOWN)
    conformance_judge.check_it_repeats_itself(ShapesJudge(), clip, KNOWN)


def test_the_detector_keeps_its_contract():
    clip = draw(RED_BALL, BLUE_BOX)
    conformance_detector.check_one_list_a_frame(ShapesDetector(), clip, "red ball")
    conformance_detector.check_boxes_lie_in_the_frame(ShapesDetector(), clip, "red ball")
    conformance_detector.check_unknown_labels_are_named_and_never_reported(ShapesDetector(), clip, "red ball", "cat")


@pytest.mark.parametrize("label", ["red ball", "a crimson disc", "red circles", "ball", "big red object"])
def test_the_detector_reads_the_users_words(label):
    found = ShapesDetector().detect(draw(RED_BALL, BLUE_BOX, frames=1), [label])
    assert [detection.center for detection in found[0]] == [pytest.approx((30, 48), abs=1)]


@pytest.mark.parametrize("label", ["cat", "ballroom", "soccer ball player", "box of chocolates", ""])
def test_the_detector_does_not_pretend_to_know(label):
    assert ShapesDetector().unknown([label]) == [label]


def test_a_right_clip_gets_yes_to_everything():
    clip = draw(Thing("circle", "red", 20, 30, 10, dx=4), Thing("square", "blue", 75, 30, 10))
    answers = ask(
        clip, "a red ball moves right and a blue box stays still. the ball is left of the box. black background"
    )
    assert len(answers) == 10
    assert all(verdict.p_yes is not None and verdict.p_yes > 0.9 for verdict in answers.values())


def test_what_is_there_instead_is_said():
    clip = draw(Thing("square", "green", 48, 48, 12))
    assert says(clip, "a red ball", "object") == (0.0, "a green square")
    assert says(clip, "a red box", "attribute") == (0.0, "green")
    assert says(clip, "two green boxes", "count") == (0.0, "1 seen")
    assert says(clip, "a green box on a white background", "scene") == (0.0, "a black background")


def test_a_thing_seen_in_half_of_the_frames_is_half_there():
    frames = np.concatenate([draw(RED_BALL, frames=3).frames, draw(frames=3).frames])
    assert says(Clip(frames, 8), "a red ball", "object")[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "dx", "dy"),
    [("moves left", -3, 0), ("drifts to the right", 3, 0), ("rises", 0, -3), ("falls", 0, 3), ("stays still", 0, 0)],
)
def test_only_the_motion_that_is_there_is_seen(words, dx, dy):
    clip = draw(Thing("circle", "red", 48, 48, 10, dx=dx, dy=dy), noise=3)
    for asked in ("moves left", "drifts to the right", "rises", "falls", "stays still"):
        p_yes, _ = says(clip, f"a red ball {asked}", "action")
        assert p_yes is not None
        assert (p_yes > 0.9) if asked == words else (p_yes < 0.1), asked


def test_the_motion_that_is_there_instead_is_said():
    clip = draw(Thing("circle", "red", 48, 30, 10, dy=4))
    assert says(clip, "a red ball moves right", "action") == (pytest.approx(0, abs=0.01), "moves down")


def test_each_thing_is_followed_by_itself():
    clip = draw(Thing("circle", "red", 48, 30, 10, dx=3), Thing("circle", "blue", 48, 70, 10, dx=-3))
    answers = ask(clip, "a red ball moves right. a blue ball moves left")
    assert min(verdict.p_yes or 0 for verdict in answers.values()) > 0.9
    answers = ask(clip, "a red ball moves left")
    assert (answers["Does the red ball move to the left?"].p_yes or 0) < 0.1


def test_two_of_a_kind_moving_apart_do_not_read_as_still():
    clip = draw(Thing("circle", "red", 30, 48, 10, dx=-3), Thing("circle", "red", 66, 48, 10, dx=3))
    assert (says(clip, "two red balls stay still", "action")[0] or 0) < 0.1
    assert (says(clip, "two red balls moving", "action")[0] or 0) > 0.9


@pytest.mark.parametrize(
    ("relation", "other"),
    [("left of", (70, 48)), ("right of", (10, 48)), ("above", (40, 80)), ("below", (40, 16))],
)
def test_relations_hold_one_way_only(relation, other):
    clip = draw(Thing("circle", "red", 40, 48, 9), Thing("square", "blue", *other, 9), frames=2)
    assert says(clip, f"a red ball {relation} a blue box", "relation")[0] == 1.0
    p_yes, seen = says(clip, f"a red ball {OPPOSITE[relation]} a blue box", "relation")
    assert (p_yes, seen) == (0.0, f"{relation} the blue box")


@pytest.mark.parametrize("asked", ["a big red ball", "a large red ball"])
def test_size_is_judged_against_the_frame(asked):
    assert (says(draw(Thing("circle", "red", 48, 48, 25)), asked, "attribute")[0] or 0) == 1.0
    sizes = [ask(draw(Thing("circle", "red", 48, 48, radius)), asked) for radius in (8, 25)]
    small, big = (min(verdict.p_yes or 0 for verdict in answers.values()) for answers in sizes)
    assert small < 0.1 < 0.9 < big


@pytest.mark.parametrize(
    "prompt", ["a cat", "a shiny red ball", "a ball on a beach", "a ball spins", "a ball behind a box"]
)
def test_what_vision_cannot_tell_is_left_open(prompt):
    verdicts = list(ask(draw(RED_BALL, BLUE_BOX), prompt).values())
    blind = [verdict for verdict in verdicts if verdict.p_yes is None]
    assert blind
    assert all("can't see" in verdict.seen for verdict in blind)


def test_one_frame_shows_no_motion():
    assert says(draw(RED_BALL, frames=1), "a red ball moves left", "action") == (None, "one frame shows no motion")


def test_a_thing_hidden_for_a_while_keeps_its_path():
    moving = draw_clip([Thing("circle", "red", 20, 48, 9, dx=5)], frames=9, size=(96, 96)).frames.copy()
    moving[3:5] = draw(frames=1).frames[0]
    seen = ShapesDetector().detect(Clip(moving, 8), ["red ball"])
    (path,) = paths_of(seen)
    assert path.shift == pytest.approx([40, 0], abs=1)


def random_scene(seed: int) -> tuple[Clip, str]:
    rng = np.random.default_rng(seed)
    motion, (dx, dy) = list({"moves left": (-2, 0), "moves right": (2, 0), "moves up": (0, -2), "moves down": (0, 2),
                             "stays still": (0, 0)}.items())[rng.integers(5)]  # fmt: skip
    colours = rng.permutation(HUES)[:2]
    shapes = rng.choice(["circle", "square", "triangle"], 2)
    background = rng.choice(["black", "white", "gray"])
    radius = rng.uniform(7, 12)
    x, y = rng.uniform(14 + radius, 82 - radius, 2)
    far = (x + 48) % 96, (y + 48) % 96
    far = np.clip(far, radius + 2, 94 - radius)
    second = rng.random() < 0.5 and np.hypot(far[0] - x, far[1] - y) > 5 + 3.2 * radius
    things = [Thing(shapes[0], colours[0], x, y, radius, dx, dy)]
    prompt = f"A {colours[0]} {shapes[0]} {motion}. "
    if second:
        things.append(Thing(shapes[1], colours[1], *far, radius))
        prompt += f"A {colours[1]} {shapes[1]} stays still. "
    clip = draw_clip(things, frames=6, size=(96, 96), background=background, noise=4, seed=seed)
    return clip, prompt + f"{background} background"


def test_random_noisy_scenes_are_read_as_they_were_drawn():
    wrong = []
    for seed in range(30):
        clip, prompt = random_scene(seed)
        wrong += [(prompt, text, v) for text, v in ask(clip, prompt).items() if v.p_yes is None or v.p_yes < 0.5]
    assert not wrong
