"""What may be rendered: pure, over all budgets."""

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.budget import (
    loop_budget,
    loop_seeds,
    plan_full_renders,
    plan_verification,
    reserved_renders,
    unseen_seeds,
)
from agent.config import LEAST_DRAFT_RENDERS, LoopConfig
from agent.config_file import make_config
from agent.records import Candidate

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


@given(config=configs)
def test_loop_and_verification_together_stay_within_the_budget(config: LoopConfig) -> None:
    champion = candidates(1, 1, 0)[0]
    verification = plan_verification("a ball", champion, ORIGINAL, config)
    full = plan_full_renders("a ball", [ORIGINAL, *candidates(1, 20, 0)], config) if config.draft.enabled else []
    assert loop_budget(config) >= 1
    assert loop_budget(config) + len(full) + len(verification) <= config.stop.max_renders


@given(config=configs)
def test_a_run_that_drafts_renders_the_original_and_another_one_in_full_on_every_seed(config: LoopConfig) -> None:
    assume(config.draft.enabled)
    tasks = plan_full_renders("a ball", [ORIGINAL, *candidates(1, 20, 0)], config)
    assert {task["purpose"] for task in tasks} == {"full"}
    assert {task["candidate"] for task in tasks} >= {"0", "1"}
    assert len({task["candidate"] for task in tasks}) <= max(2, config.draft.promote)
    assert [task["seed"] for task in tasks if task["candidate"] == "0"] == loop_seeds(config)


@given(config=configs)
def test_the_loop_never_sees_a_seed_of_the_verification(config: LoopConfig) -> None:
    assert set(loop_seeds(config)).isdisjoint(unseen_seeds(config))
    share = 4 if config.draft.enabled else 2
    assert len(set(loop_seeds(config))) == max(1, min(config.render.seeds, config.stop.max_renders // share))


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
def test_the_prompt_alone_has_nothing_to_be_verified_against(config: LoopConfig) -> None:
    assume(not config.draft.enabled)
    alone = make_config(config.model_dump(), {"search.strategy": "best_of_n"})
    assert unseen_seeds(alone) == []
    assert loop_budget(alone) == config.stop.max_renders
