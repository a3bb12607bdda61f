"""Which renders a race makes: pure, over all budgets and all luck."""

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.budget import UNSEEN, loop_budget, loop_seeds
from agent.config import LoopConfig
from agent.config_file import make_config
from agent.kept_words import keep_words
from agent.race import may_overtake, plan_renders
from agent.records import Assessed, Candidate, Decision, Render
from agent.standings import overall_by_seed, rank_candidates
from agent.state import History, LoopState, rows
from feedback.records import Assessment

MOST_WAVES = 500
Table = Mapping[tuple[str, int], float | None]
"""Overall score of a candidate on a seed; a render that is not in it scores 0.5, None is one that failed."""

budgets = st.builds(
    lambda seed, seeds, most, unseen, patience: make_config(
        {
            "seed": seed,
            "render": {"seeds": seeds},
            "stop": {"max_renders": most, "patience": patience},
            "verify": {"seeds": unseen},
        }
    ),
    st.sampled_from([0, 7, 2**31 - 1]),
    st.integers(1, 4),
    st.integers(1, 12) | st.integers(1, 100),
    st.integers(0, 2) | st.integers(0, 64),
    st.integers(1, 3),
)
scores = st.none() | st.floats(0.0, 1.0)


def config_of(most: int = 100, seeds: int = 2, **more: object) -> LoopConfig:
    settings = {"stop.max_renders": most, "render.seeds": seeds, "verify.seeds": 0}
    return make_config({}, settings | {name.replace("__", "."): value for name, value in more.items()})


class Searched:
    """A loop whose rounds bring these many new candidates, with the scores of a table, until nothing is planned."""

    def __init__(self, config: LoopConfig, table: Table | None = None) -> None:
        self.config, self.table = config, table or {}
        self.state: LoopState = {"prompt": "a ball", "iteration": 0, "decisions": []}
        self.candidates = [Candidate(id="0", iteration=0, text="a ball", origin="prompt")]
        self.renders: list[Render] = []
        self.assessed: list[Assessed] = []
        self.waves: list[list[str]] = []

    @property
    def history(self) -> History:
        found = {
            "candidates": rows(self.candidates), "renders": rows(self.renders), "assessed": rows(self.assessed)
        }  # fmt: skip
        return History({**self.state, **found})  # type: ignore[typeddict-item]

    def play(self, new: int) -> None:
        """One iteration with so many new candidates."""
        iteration = self.state["iteration"]  # type: ignore[typeddict-item]
        for _ in range(new):
            name = str(len(self.candidates))
            self.candidates.append(Candidate(id=name, iteration=iteration, text=f"ball {name}", origin="refine"))
        while tasks := plan_renders(self.history, self.config):
            self.waves.append([f"{task['candidate']}-{task['seed']}" for task in tasks])
            assert len(self.waves) <= MOST_WAVES
            for task in tasks:
                self._render(task["candidate"], task["seed"])
        leader = next(iter(self.standings), None)
        self.decided(Decision(iteration=iteration, champion=leader.candidate if leader else None, score=0.5))

    def decided(self, decision: Decision) -> None:
        self.state["decisions"] = [*self.state.get("decisions", []), *rows([decision])]
        self.state["iteration"] = decision.iteration + 1

    def _render(self, candidate: str, seed: int) -> None:
        score = self.table.get((candidate, seed), 0.5)
        made = Render(candidate=candidate, seed=seed, iteration=0, path=None if score is None else "x.mp4")
        self.renders.append(made)
        if score is not None:
            told = Assessment(feedbacks=[], dimensions={"alignment": score}, overall=score, intent=score)
            self.assessed.append(Assessed(render=made.id, assessment=told))

    @property
    def standings(self):
        return rank_candidates(self.candidates, self.renders, self.assessed)

    def seeds_of(self, candidate: str) -> list[int]:
        return sorted(render.seed for render in self.renders if render.candidate == candidate)


@st.composite
def searches(draw: st.DrawFn) -> Searched:
    config = draw(budgets)
    rounds = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    chance = random.Random(draw(st.integers(0, 10_000)))
    names = [str(name) for name in range(sum(rounds) + 1)]
    pool = draw(st.lists(scores, min_size=1, max_size=6))
    table = {(name, seed): chance.choice(pool) for name in names for seed in loop_seeds(config)}
    search = Searched(config, table)
    for new in rounds:
        search.play(new)
    return search


@given(search=searches())
def test_no_search_makes_more_renders_than_its_budget_or_one_of_them_twice(search: Searched) -> None:
    assert len(search.renders) <= loop_budget(search.config)
    assert set(Counter(render.id for render in search.renders).values()) <= {1}
    assert search.seeds_of("0")


@given(search=searches())
def test_the_original_has_every_seed_on_which_another_is_compared(search: Searched) -> None:
    original = set(search.seeds_of("0"))
    assert all({render.seed} <= original for render in search.renders)
    assert original <= set(loop_seeds(search.config))


@given(search=searches())
def test_who_leads_has_been_seen_on_as_many_of_the_compared_seeds_as_anyone(search: Searched) -> None:
    seen = [len(standing.seeds) for standing in search.standings if standing.average_rank is not None]
    assert not seen or len(search.standings[0].seeds) == max(seen)


@given(search=searches())
def test_the_next_wave_depends_on_what_is_on_record_alone(search: Searched) -> None:
    assert plan_renders(search.history, search.config) == plan_renders(search.history, search.config)


@given(config=budgets)
def test_the_smallest_budgets_still_compare_the_original_with_a_candidate(config: LoopConfig) -> None:
    assume(config.stop.max_renders >= 2)
    search = Searched(config, {("1", seed): 0.9 for seed in loop_seeds(config)})
    search.play(1)
    assert search.standings[0].candidate == "1"
    assert list(search.standings[0].seeds) == loop_seeds(config)


def test_a_candidate_that_is_clearly_behind_gets_no_second_seed() -> None:
    search = Searched(config_of(), {("1", 0): 0.9, ("1", 1): 0.9, ("2", 0): 0.4})
    search.play(2)
    assert search.waves == [["0-0", "1-0", "2-0"], ["0-1", "1-1"]]


def test_a_candidate_behind_by_less_than_the_luck_of_a_seed_goes_on_and_may_win() -> None:
    search = Searched(config_of(), {("1", 0): 0.95, ("1", 1): 0.35, ("2", 0): 0.9, ("2", 1): 0.9})
    search.play(2)
    assert search.waves[-1] == ["2-1"]
    assert search.standings[0].candidate == "2"


def test_one_lucky_seed_is_no_lead() -> None:
    search = Searched(config_of(), {("1", 0): 0.6, ("1", 1): 0.6, ("2", 0): 0.9, ("2", 1): 0.1})
    search.play(2)
    assert search.waves[1] == ["0-1", "2-1"]
    assert search.standings[0].candidate == "1"
    assert search.standings[0].seeds == (0, 1)


def test_a_challenger_meets_the_leader_on_all_of_its_seeds() -> None:
    table: Table = {("1", 0): 0.6, ("1", 1): 0.6, ("1", 2): 0.6, ("2", 0): 0.9, ("2", 1): 0.9, ("2", 2): 0.9}
    search = Searched(config_of(seeds=3), table)
    search.play(1)
    search.play(1)
    assert search.waves[-3:] == [["2-0"], ["2-1"], ["2-2"]]
    assert search.standings[0].candidate == "2"


def test_of_many_that_may_still_win_the_better_half_goes_on_first() -> None:
    table = {("1", 0): 0.5, ("1", 1): 0.5} | {(str(n), 0): 0.6 + n / 100 for n in range(2, 6)}
    search = Searched(config_of(), table)
    search.play(1)
    search.play(4)
    assert search.waves[3] == ["5-1", "4-1"]


def test_a_leader_that_holds_the_threshold_on_two_seeds_ends_the_race() -> None:
    search = Searched(config_of(seeds=4), {("1", seed): 0.99 for seed in range(4)} | {("2", 0): 0.985})
    search.play(2)
    assert search.waves == [["0-0", "1-0", "2-0"], ["0-1", "1-1"]]


def test_no_candidate_is_begun_that_could_not_be_seen_on_all_seeds() -> None:
    search = Searched(config_of(most=5), {("1", 0): 0.9, ("1", 1): 0.9})
    search.play(4)
    assert search.waves[0] == ["0-0", "1-0", "2-0"]
    search = Searched(config_of(most=4), {("1", 0): 0.9, ("1", 1): 0.9})
    search.play(4)
    assert search.waves == [["0-0", "1-0"], ["0-1", "1-1"]]


def test_where_no_first_render_could_be_scored_the_next_seeds_are_tried() -> None:
    search = Searched(config_of(seeds=3), {(name, seed): None for name in "01" for seed in (0, 1)})
    search.play(1)
    assert search.waves == [["0-0", "1-0"], ["0-1"], ["0-2"]]


def test_the_prompt_alone_gets_every_render_of_the_budget() -> None:
    search = Searched(config_of(most=9, search__strategy="best_of_n"))
    search.play(0)
    assert search.seeds_of("0") == list(range(9))


@given(
    leading=st.dictionaries(st.integers(0, 3), st.floats(0, 0.9), min_size=1, max_size=4),
    ahead=st.floats(0.02, 0.1),
    elsewhere=st.dictionaries(st.integers(4, 7), st.floats(0, 1), max_size=4),
)
def test_whoever_is_ahead_on_the_common_seeds_may_overtake(
    leading: dict[int, float], ahead: float, elsewhere: dict[int, float]
) -> None:
    scores = {seed: score + ahead for seed, score in leading.items()}
    assert may_overtake(scores | elsewhere, leading, 0.005)
    assert not may_overtake({}, leading, 0.005)


def stopped(score: float = 0.6, reason: str = "no_improvement") -> Decision:
    return Decision(iteration=1, champion="1", score=score, stop=reason, why="nothing new")  # type: ignore[arg-type]


EARLIER = [Decision(iteration=0, champion="1", score=0.6)]


def test_words_are_kept_when_seeds_differ_by_more_than_new_words_bring() -> None:
    kept = keep_words(stopped(), [0.9, 0.3], EARLIER, 5, config_of().stop)
    assert (kept.stop, kept.words_ended) == (None, "no_improvement")
    assert "0.424" in kept.why


@pytest.mark.parametrize(
    ("decision", "scores", "earlier", "left"),
    [
        pytest.param(stopped(), [0.61, 0.6], EARLIER, 5, id="seeds are alike"),
        pytest.param(stopped(0.9), [0.95, 0.85], EARLIER, 5, id="words still bring more"),
        pytest.param(stopped(), [0.99, 0.2], EARLIER, 5, id="a clip is good enough"),
        pytest.param(stopped(), [0.9], EARLIER, 5, id="one seed tells no spread"),
        pytest.param(stopped(), [0.9, 0.3], EARLIER, 0, id="no renders are left"),
        pytest.param(stopped(reason="time_limit"), [0.9, 0.3], EARLIER, 5, id="the time is over"),
        pytest.param(
            stopped(),
            [0.9, 0.3],
            [EARLIER[0].model_copy(update={"words_ended": "max_renders"})],
            5,
            id="they were kept before",
        ),
    ],
)
def test_else_the_decision_stands(decision: Decision, scores: list[float], earlier: list[Decision], left: int) -> None:
    assert keep_words(decision, scores, earlier, left, config_of().stop) is decision


@given(config=budgets, luck=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_kept_words_are_rendered_on_new_seeds_as_long_as_they_bring_a_better_clip(
    config: LoopConfig, luck: list[float]
) -> None:
    own = loop_seeds(config)
    new = {("1", config.seed + len(own) + i): score for i, score in enumerate(luck)}
    search = Searched(config, {("1", seed): 0.6 for seed in own} | {("0", seed): 0.1 for seed in own} | new)
    search.play(1)
    assume(search.standings[0].candidate == "1")
    before = len(search.renders)
    search.decided(Decision(iteration=1, champion="1", score=0.6, words_ended="max_renders"))
    search.play(0)
    assert {render.candidate for render in search.renders[before:]} <= {"1"}
    assert len(search.renders) <= loop_budget(config)
    assert max(search.seeds_of("1")) < config.seed + UNSEEN
    assert search.standings[0].seeds == tuple(own), "new seeds of one candidate are no comparison"
    ordered = [score for _, score in sorted(overall_by_seed(search.renders, search.assessed)["1"].items())]
    extra, patience = ordered[len(own) :], config.stop.patience
    if len(extra) > patience:
        assert max(extra[:patience]) >= 0.6 + config.stop.min_delta
