"""The critic, a judge that learned to see, and what it is trained on and by."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import feedback.detectors.shapes
import feedback.judges.shapes
from agent.errors import UsageError
from agent.renderers import painter_grammar
from examples.pocket.critic_clips import Actor, free_example, truth_of
from examples.pocket.critic_damage import RoundTrip, load_vae
from examples.pocket.drawing import draw
from examples.pocket.evaluate_critic import calibration_error, is_right, on_renders
from examples.pocket.train_critic import Recipe, Trainer, train
from examples.pocket.watch import held_out_scenes
from examples.pocket.world import canonical
from feedback.checklist import make_checklist
from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.judges.critic import WEIGHTS, CriticJudge
from feedback.judges.critic_network import COLOURS, MOTIONS, RELATIONS, Facts, facts_of, load_critic, to_batch, to_input
from feedback.lexicon import SHAPES
from feedback.records import Question, Verdict
from feedback.registry import open_judge
from tests import conformance_judge
from tests.drawing import Thing, draw_clip

KNOWN = Question(id="a", kind="object", text="Is there a red ball?", phrase="red ball", subject="red ball")
UNKNOWN = Question(id="b", kind="object", text="Is there a cat?", phrase="a cat", subject="cat")
SCENES = held_out_scenes(24)
TINY = Recipe(steps=3, batch_size=4, warmup_steps=1)
RIGHT_GOING = np.array([[8.0 + 4 * at, 16.0] for at in range(5)])
STANDING = np.array([[26.0, 16.0]] * 5)


def drawn_clips(side: int = 32) -> list[Clip]:
    """The held-out scenes as the pocket model would decode them, each pixel enlarged to `side`."""
    rng = np.random.default_rng(5)
    clips = RoundTrip(load_vae()).of(np.stack([draw(scene, rng).frames for scene in SCENES]))
    return [Clip(clip.repeat(side // 32, axis=1).repeat(side // 32, axis=2), 5) for clip in clips]


def ask(clip: Clip, prompt: str) -> dict[str, Verdict]:
    checklist = make_checklist(prompt)
    return {q.text: verdict for q, verdict in zip(checklist, CriticJudge().ask(clip, checklist), strict=True)}


# The judge


def test_it_keeps_the_contract():
    clip, critic = draw_clip([Thing("circle", "red", 30, 48, 16)], frames=5, size=(96, 96)), open_judge("critic")
    conformance_judge.check_one_verdict_per_question(critic, clip, KNOWN, UNKNOWN)
    conformance_judge.check_what_it_cannot_see_has_a_reason(critic, clip, UNKNOWN)
    conformance_judge.check_it_repeats_itself(critic, clip, KNOWN)


def test_it_asks_nothing_of_the_shapes_judge(monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("the critic looked through the shapes judge's eyes")

    for module in (feedback.judges.shapes, feedback.detectors.shapes):
        monkeypatch.setattr(module, "look_at_clip", refuse)
    (verdict,) = CriticJudge().ask(drawn_clips()[0], [KNOWN])
    assert verdict.p_yes is not None


@pytest.mark.parametrize("side", [32, 256])
def test_what_held_out_scenes_show_is_confirmed_and_what_others_show_is_denied(side):
    critic, confirmed, denied = CriticJudge(), list[bool](), list[bool]()
    for clip, scene, other in zip(drawn_clips(side), SCENES, SCENES[2:] + SCENES[:2], strict=True):
        confirmed += [bool(verdict.holds) for verdict in critic.ask(clip, make_checklist(canonical(scene)))]
        if other.thing.colour not in (scene.thing.colour, scene.companion and scene.companion.colour):
            absent = [q for q in make_checklist(canonical(other)) if q.subject == str(other.thing)]
            denied += [not verdict.holds for verdict in critic.ask(clip, absent)]
    assert np.mean(confirmed) > 0.97
    assert np.mean(denied) > 0.97
    assert len(denied) >= 8


def test_mirrored_in_time_the_motion_is_the_opposite():
    scene = next(scene for scene in SCENES if scene.motion == "moves to the right")
    clip = Clip(draw(scene, np.random.default_rng(0)).frames, 5)
    back = Clip(clip.frames[::-1].copy(), 5)
    asked = [
        Question(id=way, kind="action", text="", phrase="", subject=str(scene.thing), value=f"moves {way}")
        for way in ("right", "left")
    ]
    assert [v.holds for v in CriticJudge().ask(clip, asked)] == [True, False]
    assert [v.holds for v in CriticJudge().ask(back, asked)] == [False, True]


@pytest.mark.parametrize(
    "prompt",
    ["a cat", "an orange ball", "a big red ball", "three red balls", "a ball on a beach", "a ball spins",
     "a ball on a pink background", "a red ball next to a blue box"],
)  # fmt: skip
def test_what_it_was_not_taught_is_left_open(prompt):
    blind = [verdict for verdict in ask(drawn_clips()[0], prompt).values() if verdict.p_yes is None]
    assert blind
    assert all("can't see" in verdict.seen for verdict in blind)


def test_one_frame_shows_no_motion():
    clip = Clip(drawn_clips()[0].frames[:1], 5)
    moves = Question(id="m", kind="action", text="", phrase="", subject="red ball", value="moves left")
    (verdict,) = CriticJudge().ask(clip, [moves])
    assert (verdict.p_yes, verdict.seen) == (None, "one frame shows no motion")


def test_weights_that_are_none_are_one_clear_error(tmp_path):
    (tmp_path / "critic.safetensors").write_bytes(b"no weights")
    for file in (tmp_path / "critic.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(FeedbackError, match="no weights of the critic in"):
            CriticJudge(file).ask(drawn_clips()[0], [KNOWN])


def test_the_weights_that_ship_are_small():
    assert WEIGHTS.stat().st_size < 1e6


# From facts to answers


def facts(**changes: np.ndarray) -> Facts:
    """A red circle and a blue square for certain, the circle moving left, to the left of the square, on black."""
    number_of = np.tile([1.0, 0, 0], (6, 1))
    number_of[[0, 2]] = [0, 1, 0]
    shape, motion, relation = np.full((6, 3), 0.0), np.zeros((6, 5)), np.zeros((6, 6, 4))
    shape[0, 0] = shape[2, 1] = motion[0, 0] = motion[2, 4] = relation[0, 2, 0] = relation[2, 0, 1] = 1
    told = {"background": np.eye(4)[0], "number": np.eye(4)[2], "number_of": number_of, "shape": shape,
            "motion": motion, "relation": relation}  # fmt: skip
    return Facts(**(told | changes))


@pytest.fixture
def answers(monkeypatch):
    """P(yes) by the question's text, for a critic that sees these facts."""

    def answer(seen: Facts, prompt: str) -> dict[str, float | None]:
        monkeypatch.setattr("feedback.judges.critic.facts_of", lambda *_: [seen])
        return {
            text: verdict.p_yes for text, verdict in ask(Clip(np.zeros((5, 32, 32, 3), np.uint8), 5), prompt).items()
        }

    return answer


def test_certain_facts_give_certain_answers(answers):
    yes = answers(facts(), "a red ball moves left, left of a blue box. black background")
    assert len(yes) >= 6
    assert all(p == pytest.approx(1) for p in yes.values())
    no = answers(facts(), "a green ball moves left. white background")
    assert all(p == pytest.approx(0) for p in no.values())


def test_a_thing_without_colour_is_looked_for_in_all_of_them(answers):
    assert all(p == pytest.approx(1) for p in answers(facts(), "a ball moves left, left of a box").values())
    assert 0 in [round(p or 0) for p in answers(facts(), "a box moves left").values()]


def test_doubts_multiply(answers):
    number_of, shape = np.tile([1.0, 0, 0], (6, 1)), np.zeros((6, 3))
    number_of[0], shape[0, 0] = [0.5, 0.5, 0], 0.8
    seen = facts(number_of=number_of, shape=shape)
    assert answers(seen, "a red ball")["Is there a red ball?"] == pytest.approx(0.4)


# What it is trained on


def test_the_truth_of_a_drawn_scene_is_what_was_drawn():
    assert COLOURS == painter_grammar.COLOURS
    truth = truth_of([Actor("red", "circle", RIGHT_GOING), Actor("blue", "square", STANDING)], background=1)
    red, blue = COLOURS.index("red"), COLOURS.index("blue")
    assert truth["number"].tolist() == [0, 0, 1, 0]
    assert truth["number_of"][[red, blue, 1]].tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert truth["motion"][red].tolist() == [float(m == "right") for m in MOTIONS]
    assert truth["motion"][blue].tolist() == [float(m == "still") for m in MOTIONS]
    assert truth["shape"][red].tolist() == [float(shape == "circle") for shape in SHAPES]
    assert truth["relation"][red, blue].tolist() == [float(r == "left of") for r in RELATIONS]
    assert np.isnan(truth["motion"][1]).all()


def test_a_ghost_has_no_label_and_a_flickering_thing_a_soft_one():
    ghost = Actor("red", "circle", STANDING, fault="ghost", opacity=np.full(5, 0.3))
    truth = truth_of([ghost], background=0)
    assert np.isnan(truth["number"]).all()
    assert np.isnan(truth["number_of"][0]).all()
    flickering = Actor("red", "circle", STANDING, fault="flicker", opacity=np.array([1.0, 0, 1, 0, 1]))
    assert truth_of([flickering], background=0)["number_of"][0].tolist() == pytest.approx([0.4, 0.6, 0])


def test_free_clips_have_every_number_of_things_and_labels_that_are_probabilities():
    rng = np.random.default_rng(0)
    truths = [free_example(rng)[1] for _ in range(60)]
    for truth in truths:
        for name in ("background", "number", "number_of", "motion"):
            sums = truth[name].sum(-1)
            assert np.allclose(sums[~np.isnan(sums)], 1)
    assert {int(t["number"].argmax()) for t in truths if not np.isnan(t["number"]).any()} == {0, 1, 2, 3}


def test_the_round_trip_is_the_autoencoders():
    vae, clips = load_vae(), np.stack([draw(scene, np.random.default_rng(0)).frames for scene in SCENES[:2]])
    with torch.no_grad():
        decoded = vae.decode(vae.encode(to_batch(clips).transpose(1, 2)).latent_dist.mean).sample
    theirs = ((decoded.clamp(-1, 1).permute(0, 2, 3, 4, 1) + 1) * 127.5).round().byte().numpy()
    assert np.abs(RoundTrip(vae).of(clips).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("shape", [(5, 32, 32, 3), (1, 32, 32, 3), (16, 48, 80, 3), (3, 500, 20, 3)])
def test_clips_of_any_size_are_brought_to_the_networks(shape):
    assert to_input(np.zeros(shape, np.uint8)).shape == (1, 5, 3, 32, 32)


# Training and measuring


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path):
    whole = load_critic(train(tmp_path / "whole", TINY, every=1)).state_dict()
    trainer = Trainer(TINY)
    trainer.take_step()
    (tmp_path / "resumed").mkdir()
    torch.save(trainer.state(), tmp_path / "resumed" / "checkpoint.pt")
    resumed = load_critic(train(tmp_path / "resumed", TINY, every=1)).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    train(tmp_path, TINY)
    with pytest.raises(UsageError, match=r"seed 0, not 1"):
        train(tmp_path, replace(TINY, seed=1))


@pytest.mark.slow
def test_a_hundred_steps_lower_the_loss():
    trainer = Trainer(Recipe(steps=100, batch_size=16, warmup_steps=10))
    losses = [trainer.take_step()["loss"] for _ in range(100)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_a_fact_is_right_when_the_likeliest_is_true_wherever_truth_is_clear():
    truth = truth_of([Actor("red", "circle", RIGHT_GOING)], background=0)
    seen = facts()
    assert is_right("background", seen, truth)
    assert not is_right("motion", seen, truth)
    assert is_right("relation", seen, truth) is None


def test_chances_that_come_true_as_often_as_they_say_are_calibrated():
    chances = np.repeat([0.25, 0.75], 100)
    yes = np.tile(np.arange(100) < 25, 2)
    yes[100:] = np.arange(100) < 75
    assert calibration_error(chances, yes) == pytest.approx(0)
    assert calibration_error(chances, ~yes) == pytest.approx(0.5)


def test_both_judges_are_asked_about_real_renders():
    asked = on_renders(2, CriticJudge())
    assert len({id(one.clip) for one in asked}) == 2
    assert {"count", "object", "action"} <= {one.question.kind for one in asked}
    assert not any(math.isnan(one.critic) for one in asked)


def test_a_batch_and_a_single_clip_are_seen_alike():
    network = load_critic(WEIGHTS)
    clips = np.stack([clip.frames for clip in drawn_clips()[:4]])
    together, alone = facts_of(network, to_batch(clips))[2], facts_of(network, to_input(clips[2]))[0]
    assert np.allclose(together.motion, alone.motion, atol=1e-5)
