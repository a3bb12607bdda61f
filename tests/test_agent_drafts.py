"""Drafts: cheaper renders for the search, the leaders in full at the end, and how far drafts can be trusted."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from command import retake
from fakes import SlowLearner, fast_config
from hypothesis import given
from hypothesis import strategies as st

from agent.batch import run_batch, summarize
from agent.config_file import make_config
from agent.draft_order import add_orders, compare_orders
from agent.errors import UsageError
from agent.parts import open_parts
from agent.records import PairOrders, Promotion
from agent.renderer import RenderRequest, StepCallback
from agent.renderers.painter import Painter
from agent.run import begin_run
from agent.trajectory import read_trajectory
from feedback.clip import Clip
from feedback.video_file import read_metadata

FULL_STEPS = 8
TWO_BALLS = "a red circle moves up, two azure balls drift leftwards"


class SteppedPainter(Painter):
    """A painter whose picture comes out of `FULL_STEPS` steps; it notes every request that it renders."""

    def __init__(self) -> None:
        self.requests: list[RenderRequest] = []

    def resolve(self, request: RenderRequest) -> RenderRequest:
        steps = request.num_inference_steps or FULL_STEPS
        return super().resolve(request).model_copy(update={"num_inference_steps": steps})

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        self.requests.append(request)
        return super().render(request, on_step)


class Misleading(SteppedPainter):
    """Its drafts show a gray void for the text that it paints best, and the person's own words well."""

    def render(self, request: RenderRequest, on_step: StepCallback | None = None) -> Clip:
        clip = super().render(request, on_step)
        is_draft = (request.num_inference_steps or 0) < FULL_STEPS
        return Clip(clip.frames // 255 + 127, clip.fps) if is_draft and "blue circles" in request.text else clip


def drafting(**more):
    return fast_config(draft__enabled=True, stop__score_threshold=1.0, **more)


def run_with(renderer, folder: Path, config=None):
    config = config or drafting()
    parts = replace(open_parts(fast_config()), renderer=renderer, rewriter=SlowLearner())
    return begin_run(TWO_BALLS, config, folder, "run").execute(parts)


@pytest.fixture(scope="module")
def drafted(tmp_path_factory):
    folder, renderer = tmp_path_factory.mktemp("drafted"), SteppedPainter()
    return run_with(renderer, folder), read_trajectory(folder / "run"), renderer, folder / "run"


def test_the_search_takes_half_the_steps_and_everything_that_counts_takes_all(drafted) -> None:
    _, trajectory, renderer, _ = drafted
    steps = {request.num_inference_steps for request in renderer.requests}
    assert steps == {FULL_STEPS // 2, FULL_STEPS}
    by_purpose = {"loop": FULL_STEPS // 2, "full": FULL_STEPS, "verify": FULL_STEPS}
    asked = [request.num_inference_steps for request in renderer.requests]
    assert asked == [by_purpose[render.purpose] for render in trajectory.renders]


def test_draft_and_full_render_have_the_same_seeds_and_shape(drafted) -> None:
    _, trajectory, renderer, _ = drafted
    requests = dict(zip([render.id for render in trajectory.renders], renderer.requests, strict=True))
    full = [render for render in trajectory.renders if render.purpose == "full"]
    assert full
    for render in full:
        draft = requests[f"{render.candidate}-{render.seed}"]
        assert requests[render.id] == draft.model_copy(update={"num_inference_steps": FULL_STEPS})


def test_the_original_and_the_leaders_are_rendered_in_full_and_the_outcome_is_theirs(drafted) -> None:
    result, _, _, folder = drafted
    promotion = result.promotion
    assert promotion is not None
    assert promotion.candidates[0] == "0"
    assert len(promotion.candidates) == 3
    assert result.best.id == promotion.champion
    assert result.best_score == promotion.score
    for video in (result.best_video, result.original_video):
        assert video is not None
        assert video.endswith("-full.mp4")
        assert read_metadata(folder / video)["seconds"]


def test_drafts_that_show_the_same_rank_as_the_full_renders_do(drafted) -> None:
    promotion = drafted[0].promotion
    assert promotion.rank_correlation == 1.0
    assert promotion.order.opposing == 0
    assert promotion.draft_seconds is not None
    assert promotion.full_seconds is not None


def test_drafts_that_mislead_are_found_out_and_overruled(tmp_path: Path) -> None:
    result = run_with(Misleading(), tmp_path, drafting(draft__promote=4))
    decisions = read_trajectory(tmp_path / "run").decisions
    promotion = result.promotion
    assert promotion is not None
    assert promotion.rank_correlation is not None
    assert promotion.rank_correlation < 1
    assert promotion.order.opposing > 0
    assert decisions[-1].champion != promotion.champion
    assert "blue circles" in result.best.text


def test_a_finished_run_that_lost_its_checkpoints_comes_to_the_same_without_a_render(drafted, tmp_path: Path) -> None:
    result = run_with(SteppedPainter(), tmp_path)
    folder = tmp_path / "run"
    for name in ("result.json", "checkpoints.sqlite"):
        (folder / name).unlink()
    again = SteppedPainter()
    assert run_with(again, tmp_path) == result
    assert again.requests == []


def test_the_report_tells_drafts_from_full_renders(drafted) -> None:
    page = (drafted[3] / "report.html").read_text(encoding="utf-8")
    assert '<span class="chip">draft</span>' in page
    assert '<span class="chip">in full</span>' in page
    assert "Kendall" in page


def test_a_run_without_drafts_has_no_promotion(tmp_path: Path) -> None:
    result = run_with(SteppedPainter(), tmp_path, fast_config())
    assert result.promotion is None
    assert {render.purpose for render in read_trajectory(tmp_path / "run").renders} <= {"loop", "verify"}


def test_a_batch_adds_up_what_its_drafts_foretold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = replace(open_parts(fast_config()), renderer=SteppedPainter())
    monkeypatch.setattr("agent.batch.open_parts", lambda _: parts)
    prompts = ["a crimson ball drifting rightwards", "an azure box"]
    rows = run_batch(prompts, drafting(), tmp_path, lambda row: None)
    orders = [row.draft_order for row in rows]
    assert all(order is not None for order in orders)
    summary = summarize(rows)
    assert summary.drafted == 2
    assert summary.draft_order == add_orders([order for order in orders if order])
    assert "draft_order" in (tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()[0]


def test_a_renderer_that_does_not_tell_its_steps_needs_to_be_told_the_draft_s() -> None:
    config = drafting()
    with pytest.raises(UsageError, match=r"does not say how many denoising steps .* --draft-steps"):
        open_parts(config)
    told = retake("run", "a red ball", "--renderer=painter", "--draft", "--embedder=hashing")
    assert told.returncode == 2
    assert "--draft-steps" in told.stderr


def test_a_budget_too_small_for_two_candidates_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="--draft needs --max-renders 4 or more, found 3"):
        make_config({"draft": {"enabled": True}, "stop": {"max_renders": 3}})


# Orders, over all scores

scores = st.dictionaries(st.tuples(st.sampled_from("0123"), st.integers(0, 2)), st.floats(0, 1), max_size=12)


@given(scores)
def test_scores_agree_with_themselves_and_oppose_their_reverse(drafts) -> None:
    same, reverse = compare_orders(drafts, drafts), compare_orders(drafts, {key: 1 - x for key, x in drafts.items()})
    assert same.opposing == 0
    assert same.rank_correlation in (1.0, None)
    assert reverse.rank_correlation in (-1.0, None)
    assert (same.rank_correlation is None) == (same.agreeing == 0)


@given(scores, scores)
def test_every_pair_on_a_common_seed_is_counted_once(drafts, full) -> None:
    common = drafts.keys() & full.keys()
    pairs = sum(a < b and s == t for (a, s), (b, t) in product(common, common))
    order = compare_orders(drafts, full)
    assert order.pairs == pairs
    assert order.rank_correlation is None or -1 <= order.rank_correlation <= 1


def test_the_rank_correlation_is_kendall_s_tau_b() -> None:
    # Ranks 1 2 3 4 against 1 1 4 3: 4 pairs alike, 1 opposite, 1 tied in the second alone: 3 / sqrt(6 * 5).
    drafts = {(str(i), 0): value for i, value in enumerate((0.1, 0.2, 0.3, 0.4))}
    full = {(str(i), 0): value for i, value in enumerate((0.1, 0.1, 0.4, 0.3))}
    order = compare_orders(drafts, full)
    assert order == PairOrders(agreeing=4, opposing=1, tied_in_full=1)
    assert order.rank_correlation == pytest.approx(3 / 30**0.5)


def test_a_promotion_survives_json() -> None:
    promotion = Promotion(
        candidates=["0", "1"], champion="1", score=0.5, order=PairOrders(agreeing=1), rank_correlation=1.0
    )
    assert Promotion.model_validate_json(promotion.model_dump_json()) == promotion
