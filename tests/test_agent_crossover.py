"""Children of two texts: what they keep of their parents, and what they may change."""

from collections.abc import Sequence

import pytest

from agent.records import Candidate
from agent.renderers.painter_grammar import painter_captions
from agent.rewriter import Attempt, Draft, RewriteTask, same_words
from agent.rewriters.crossover import breed, read_genes
from agent.rewriters.rules import RulesRewriter, compose_caption
from agent.rewriters.wording import PromptParts, take_apart
from feedback.checklist import make_checklist, missing_concepts
from graph_store.hashing_embedder import HashingEmbedder
from graph_store.relation_graph import RelationGraph, memory_graph

PROMPT = "a crimson ball drifting rightwards, left of an azure box on a black background"
CHECKLIST = tuple(make_checklist(PROMPT))


@pytest.fixture(scope="module")
def graph() -> RelationGraph:
    return memory_graph(list(painter_captions()), HashingEmbedder())


@pytest.fixture(scope="module")
def parts(graph: RelationGraph) -> PromptParts:
    return take_apart(CHECKLIST, graph)


def caption(parts: PromptParts, place: int) -> str:
    """Each part in the wording at this place of its list, or its last one."""
    return compose_caption(parts, {part: part.wordings[min(place, len(part.wordings) - 1)] for part in parts.all})


def evolution(parents: Sequence[str], failing: tuple[str, ...] = (), seed: int = 0, n: int = 6) -> RewriteTask:
    history = tuple(
        Attempt(Candidate(id=str(n), iteration=0, text=text, origin="refine"), 0.5, failing=failing)
        for n, text in enumerate(parents)
    )
    ids = tuple(str(n) for n in range(len(parents)))
    return RewriteTask(PROMPT, CHECKLIST, history=history, champion="0", parents=ids, iteration=1, n=n, seed=seed)


def bred(drafts: list[Draft]) -> list[Draft]:
    return [draft for draft in drafts if "ranked" in draft.rationale]


def test_the_genes_of_a_text_are_the_wordings_that_stand_in_it(parts: PromptParts) -> None:
    for place in range(3):
        genes = read_genes(caption(parts, place), parts)
        assert {part: genes[part] for part in parts.all} == {
            part: part.wordings[min(place, len(part.wordings) - 1)] for part in parts.all
        }
    assert read_genes("a dog sleeps on a sofa", parts) == {}


def test_a_child_takes_each_part_from_a_parent_and_at_most_one_from_elsewhere(parts: PromptParts) -> None:
    parents = [caption(parts, 0), caption(parts, 1)]
    pools = [read_genes(text, parts) for text in parents]
    children = [child for seed in range(20) for child, _ in breed(parents, parts, set(), seed)]
    strange = [sum(child[part] not in {pool[part] for pool in pools} for part in parts.all) for child in children]
    assert max(strange) <= 1
    mixed = [child for child in children if child not in pools]
    assert any(all(child[part] in {pool[part] for pool in pools} for part in parts.all) for child in mixed)


def test_a_mutation_takes_a_part_that_failed(parts: PromptParts) -> None:
    broken = next(part for part in parts.actions if len(part.wordings) > 1)
    parent = caption(parts, 0)
    genes = read_genes(parent, parts)
    for seed in range(10):
        (mutated, _), *_ = breed([parent], parts, set(broken.questions), seed)
        assert {part for part in parts.all if mutated[part] != genes[part]} == {broken}


def test_bred_texts_say_all_that_the_prompt_says_and_are_new(graph: RelationGraph, parts: PromptParts) -> None:
    parents = [caption(parts, 0), caption(parts, 1), PROMPT]
    for seed in range(5):
        drafts = bred(RulesRewriter(graph).rewrite(evolution(parents, seed=seed)))
        assert drafts
        for draft in drafts:
            assert not missing_concepts(CHECKLIST, draft.text)
            assert not any(same_words(draft.text, parent) for parent in parents)


def test_same_seed_same_children_and_another_seed_others(graph: RelationGraph, parts: PromptParts) -> None:
    rewriter, parents = RulesRewriter(graph), [caption(parts, 0), caption(parts, 1)]
    assert rewriter.rewrite(evolution(parents, seed=3)) == rewriter.rewrite(evolution(parents, seed=3))
    broods = {tuple(draft.text for draft in rewriter.rewrite(evolution(parents, seed=seed))) for seed in range(5)}
    assert len(broods) > 1


def test_without_words_of_the_graph_evolution_falls_back_to_refining() -> None:
    drafts = RulesRewriter().rewrite(evolution([PROMPT], failing=tuple(question.id for question in CHECKLIST)))
    assert drafts
    assert not bred(drafts)
