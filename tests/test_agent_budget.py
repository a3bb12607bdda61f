"""What may be rendered: pure, over all budgets."""

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.budget import loop_seeds, plan_full_renders, plan_renders, plan_verification, reserved_renders, unseen_seeds
from agent.config import LEAST_DRAFT_RENDERS, LoopConfig, make_config
from agent.records import Candidate, Render

ORIGINAL = Candidate(id="0", iteration=0, text="a ball", origin="prompt")
configs = st.builds(
    lambda seed, seeds, most, unseen, promote: make_config(
        {
            "seed": seed,
            "render": {"seeds": seeds},
            "stop": {"max_renders": most},
            "verify": {"seeds": unseen},
            "draft": {"enabled": bool(promote) and most >= LEAST_DRAFT_RENDERS, "promote": promote or 3},
        }
    ),
    st.integers(0, 2**31 - 1),
    st.integers(1, 3) | st.integers(1, 64),
    st.integers(1, 12) | st.integers(1, 200),
    st.integers(0, 2) | st.integers(0, 256),
    st.none() | st.integers(2, 16),
)


def candidates(first: int, count: int, iteration: int) -> list[Candidate]:
    return [
        Candidate(id=str(first + i), iteration=iteration, text=f"ball {first + i}", origin="refine")
        for i in range(count)
    ]


def render_all(config: LoopConfig, rounds: list[int]) -> list[Render]:
    """What a loop would render that gets this many new candidates each round and never wants to stop."""
    made: list[Render] = []
    known = 1
    for iteration, count in enumerate(rounds):
        new = candidates(known, count, iteration)
        known += count
        tasks = plan_renders("a ball", [ORIGINAL, *new] if iteration == 0 else new, made, config)
        made += [Render(candidate=task["candidate"], seed=task["seed"], iteration=iteration) for task in tasks]
    return made


@given(config=configs, rounds=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_loop_and_verification_together_stay_within_the_budget(config: LoopConfig, rounds: list[int]) -> None:
    made = render_all(config, rounds)
    champion = candidates(1, 1, 0)[0]
    verification = plan_verification("a ball", champion, ORIGINAL, config)
    full = plan_full_renders("a ball", [ORIGINAL, *candidates(1, 20, 0)], config) if config.draft.enabled else []
    assert len(made) + len(full) + len(verification) <= config.stop.max_renders


@given(config=configs)
def test_a_run_that_drafts_renders_the_original_and_another_one_in_full_on_every_seed(config: LoopConfig) -> None:
    assume(config.draft.enabled)
    tasks = plan_full_renders("a ball", [ORIGINAL, *candidates(1, 20, 0)], config)
    assert {task["purpose"] for task in tasks} == {"full"}
    assert {task["candidate"] for task in tasks} >= {"0", "1"}
    assert len({task["candidate"] for task in tasks}) <= max(2, config.draft.promote)
    assert [task["seed"] for task in tasks if task["candidate"] == "0"] == loop_seeds(config)


@given(config=configs, count=st.integers(0, 5))
def test_the_original_is_rendered_whatever_the_budget(config: LoopConfig, count: int) -> None:
    made = render_all(config, [count])
    assert [render for render in made if render.candidate == "0"]


@given(config=configs, rounds=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_every_other_candidate_has_all_seeds_or_none(config: LoopConfig, rounds: list[int]) -> None:
    made = render_all(config, rounds)
    seeds = {candidate: [r.seed for r in made if r.candidate == candidate] for candidate in {r.candidate for r in made}}
    original = seeds.pop("0")
    assert original == loop_seeds(config)[: len(original)]
    assert all(found == loop_seeds(config) for found in seeds.values())


@given(config=configs)
def test_the_loop_never_sees_a_seed_of_the_verification(config: LoopConfig) -> None:
    assert set(loop_seeds(config)).isdisjoint(unseen_seeds(config))
    share = 4 if config.draft.enabled else 2
    assert len(set(loop_seeds(config))) == max(1, min(config.render.seeds, config.stop.max_renders // share))


@given(config=configs)
def test_the_smallest_budgets_still_compare_the_original_with_a_candidate(config: LoopConfig) -> None:
    assume(config.stop.max_renders >= 2)
    made = render_all(config, [1])
    assert {render.candidate for render in made} == {"0", "1"}


@given(config=configs)
def test_the_verification_takes_at_most_half_and_only_what_was_asked_for(config: LoopConfig) -> None:
    assert len(unseen_seeds(config)) * 4 <= config.stop.max_renders
    assert len(unseen_seeds(config)) <= config.verify_seeds


@given(config=configs)
def test_champion_and_original_meet_on_every_unseen_seed(config: LoopConfig) -> None:
    assume(unseen_seeds(config))
    champion = candidates(1, 1, 0)[0]
    tasks = plan_verification("a ball", champion, ORIGINAL, config)
    assert len(tasks) == reserved_renders(config) or config.draft.enabled
    for candidate in (ORIGINAL, champion):
        own = [task for task in tasks if task["candidate"] == candidate.id]
        assert [task["seed"] for task in own] == unseen_seeds(config)
        assert {(task["text"], task["purpose"]) for task in own} == {(candidate.text, "verify")}


@given(config=configs)
def test_no_candidate_no_render(config: LoopConfig) -> None:
    assert plan_renders("a ball", [], [], config) == []
