"""Which retrieval rule finds what a prompt leaves out? Measured on captions that the graph has not seen.

    python benchmarks/retrieval_quality.py [CAPTIONS ...] [--given 0.5] [--json FILE]

Of every held-out caption some phrases, drawn at random, make the prompt; the others are the targets, and a rule is as
good as the share of targets that its modifiers match. Every rule is asked the same questions of the same graphs, for
the same number of modifiers of each kind. Captions that rewrite one another never stand on both sides.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from graph_store.captions import read_captions
from graph_store.embedder import Embedder
from graph_store.embedders import open_embedder
from graph_store.errors import GraphStoreError
from graph_store.extract import same_phrase, stems_of, tag_untagged
from graph_store.merge import merge_scenes
from graph_store.records import KINDS, ModifierKind, TaggedCaption
from graph_store.relation_graph import RelationGraph, memory_graph
from graph_store.retrieve import REFERENCE_NEIGHBOURS, REFERENCE_SCENES, Rule
from graph_store.starter import read_starter
from graph_store.table import RelationTable

TARGET_KINDS: tuple[ModifierKind, ...] = ("subject", "action", "atmosphere")
"""Scenes help to make prompts and are no targets: nearly all rules retrieve the same ones."""
MEASURES = ("words", "cosine", "nearest")
"""Of a target, 0..1: whether half of its content words are those of a modifier retrieved; whether one has a cosine of
0.6 to it; the cosine of the nearest."""
MATCH = 0.6
REWRITE = 0.9
"""Captions of this cosine and more stand in the same fold."""
NUMBERS = (5, 10)
"""Modifiers of each kind that are asked for."""
FOLDS = 5
RESAMPLES = 2000
COUNT_WEIGHT = 0.15
"""Of co-occurrence against cosine."""

Phrase = tuple[ModifierKind, str]
Answer = dict[ModifierKind, list[str]]
"""Modifiers by kind."""


class Remembered:
    """An embedder that embeds no text twice."""

    def __init__(self, embedder: Embedder):
        self.name = embedder.name
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._rows: dict[str, int] = {}
        self._vectors = np.zeros((0, embedder.dimension), np.float32)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [len(texts), dimension]."""
        missing = sorted(set(texts) - self._rows.keys(), key=len)
        if missing:
            self._rows.update((text, len(self._vectors) + row) for row, text in enumerate(missing))
            self._vectors = np.concatenate([self._vectors, self._embedder.encode(missing)])
        return self._vectors[[self._rows[text] for text in texts]]


@dataclass(frozen=True)
class Question:
    """A prompt, and what it leaves out of its caption."""

    caption: int
    prompt: str
    targets: tuple[Phrase, ...]


@dataclass(frozen=True, eq=False)
class Fold:
    """The graphs of all captions but those asked about."""

    graph: RelationGraph
    merged: RelationGraph
    random: np.random.Generator

    @cached_property
    def by_stem(self) -> dict[tuple[ModifierKind, str], list[str]]:
        """The modifiers of each kind that hold a word of this stem."""
        found: dict[tuple[ModifierKind, str], list[str]] = defaultdict(list)
        for kind in TARGET_KINDS:
            for text in self.graph.table.texts[kind]:
                for stem in stems(text):
                    found[kind, stem].append(text)
        return found


Ask = Callable[[Question, int], Answer]
"""The modifiers for a question, at most so many of each kind."""
Variant = Callable[[Fold], Ask]


def read_in_groups(files: Sequence[Path], embedder: Embedder) -> tuple[list[TaggedCaption], NDArray[np.int64]]:
    """Tagged captions, and [captions] the group that each belongs to.

    Captions of one group say the same thing: they are alike, or stand on the same line of files of equal length.
    """
    columns = [tuple(tag_untagged(read_captions(file).captions)) for file in files] or [read_starter()]
    captions = [caption for column in columns for caption in column]
    lines = [line for column in columns for line in range(len(column))]
    if len({len(column) for column in columns}) > 1:
        lines = list(range(len(captions)))
    vectors = embedder.encode([caption.text for caption in captions])
    groups = np.array(lines)
    for row in range(len(captions)):
        alike = np.unique(groups[np.flatnonzero(vectors @ vectors[row] >= REWRITE)])
        groups[np.isin(groups, alike)] = groups[row]
    return captions, np.unique(groups, return_inverse=True)[1]


def make_question(number: int, caption: TaggedCaption, given: float, random: np.random.Generator) -> Question | None:
    """The caption as a question; None where nothing is left to ask for."""
    phrases: list[Phrase] = [(kind, text) for kind in KINDS for text in getattr(caption, f"{kind}s")]
    shuffled = [phrases[int(place)] for place in random.permutation(len(phrases))]
    cut = max(1, round(given * len(phrases)))
    prompt = shuffled[:cut]
    targets: list[Phrase] = [
        (kind, text)
        for kind, text in shuffled[cut:]
        if kind in TARGET_KINDS and stems(text) and not any(same(text, other) for _, other in prompt)
    ]
    return Question(number, join_phrases(prompt), tuple(targets)) if targets else None


def join_phrases(phrases: Iterable[Phrase]) -> str:
    """A prompt of these phrases: who does what where, in what light."""
    texts: dict[ModifierKind, list[str]] = {kind: [] for kind in KINDS}
    for kind, text in phrases:
        texts[kind].append(text)
    clauses = [" and ".join(texts["subject"]), " and ".join(texts["action"]), " ".join(texts["scene"])]
    return ", ".join(filter(None, [" ".join(filter(None, clauses)), *texts["atmosphere"]]))


@cache
def stems(text: str) -> frozenset[str]:
    """The first four letters of its content words."""
    return stems_of(text)


def same(a: str, b: str) -> bool:
    """Whether half of the content words agree."""
    return same_phrase(stems(a), stems(b))


def by_rule(rule: Rule, merged: bool = False) -> Variant:
    """A rule of the product's."""

    def variant(fold: Fold) -> Ask:
        graph = fold.merged if merged else fold.graph
        store = RelationGraph(graph.table, graph.embedder, rule)

        def ask(question: Question, k: int) -> Answer:
            retrieved = store.retrieve(question.prompt, dict.fromkeys(TARGET_KINDS, k))
            return {kind: [modifier.text for modifier in retrieved.of_kind(kind)] for kind in TARGET_KINDS}

        return ask

    return variant


@dataclass(frozen=True)
class Reached:
    """The modifiers that hang on the scenes searched, [modifiers] each."""

    nodes: NDArray[np.int64]
    cosine: NDArray[np.float64]
    """To the prompt."""
    scene: NDArray[np.float64]
    """Cosine to the prompt of the nearest scene that each hangs on."""
    count: NDArray[np.float64]
    """How often each met the scenes searched."""
    surprise: NDArray[np.float64]
    """The highest normalised pointwise mutual information with one of the scenes, -1..1."""


@lru_cache(maxsize=8)
def reach(fold: Fold, prompt: str, scenes: int) -> Reached:
    """The modifiers of the scenes nearest to the prompt."""
    table = fold.graph.table
    cosines = (table.vectors @ fold.graph.embedder.encode([prompt])[0]).astype(np.float64)
    near = np.argsort(-cosines[: table.scenes], kind="stable")[:scenes]
    edges = np.concatenate([np.arange(*table.offsets[scene : scene + 2].tolist()) for scene in near.tolist()])
    via = np.repeat(near, np.diff(table.offsets)[near])
    together = table.together[edges].astype(np.float64)
    ends = table.neighbours[edges].astype(np.int64)
    nodes, place = np.unique(ends, return_inverse=True)
    scene, surprise = np.full((2, len(nodes)), -1.0)
    np.maximum.at(scene, place, cosines[via])
    expected = table.counts[via].astype(np.float64) * table.counts[ends] / table.captions
    np.maximum.at(surprise, place, np.log(together / expected) / -np.log(together / (table.captions + 1)))
    return Reached(nodes, cosines[nodes], scene, np.bincount(place, together).astype(np.float64), surprise)


def is_of_kind(table: RelationTable, nodes: NDArray[np.integer], kind: ModifierKind) -> NDArray[np.bool_]:
    """[nodes] Which of them are of this kind."""
    return (nodes >= table.spans[kind].start) & (nodes < table.spans[kind].stop)


def by_worth(worth: Callable[[Reached], NDArray[np.float64]], scenes: int = 30) -> Variant:
    """The modifiers of the nearest scenes that are worth most."""

    def variant(fold: Fold) -> Ask:
        table = fold.graph.table

        def ask(question: Question, k: int) -> Answer:
            reached = reach(fold, question.prompt, scenes)
            best = reached.nodes[np.argsort(-worth(reached), kind="stable")]
            answer: Answer = {}
            for kind in TARGET_KINDS:
                answer[kind] = [table.text_of(node) for node in best[is_of_kind(table, best, kind)][:k].tolist()]
            return answer

        return ask

    return variant


def released(fold: Fold) -> Ask:
    """RAPO's released code: of each kind five neighbours of each of three scenes, drawn at random; the nearest k."""
    table = fold.graph.table

    def ask(question: Question, k: int) -> Answer:
        cosines = table.vectors @ fold.graph.embedder.encode([question.prompt])[0]
        drawn: set[int] = set()
        for scene in np.argsort(-cosines[: table.scenes], kind="stable")[:REFERENCE_SCENES].tolist():
            neighbours = table.neighbours[table.offsets[scene] : table.offsets[scene + 1]]
            for kind in TARGET_KINDS:
                of_kind = neighbours[is_of_kind(table, neighbours, kind)]
                drawn.update(fold.random.permutation(of_kind)[:REFERENCE_NEIGHBOURS].tolist())
        ranked = sorted(drawn, key=lambda node: (-cosines[node], node))
        return {
            kind: [table.text_of(node) for node in ranked if node in table.spans[kind]][:k] for kind in TARGET_KINDS
        }

    return ask


def at_random(fold: Fold) -> Ask:
    """Any modifiers of the graph."""
    table = fold.graph.table

    def ask(_: Question, k: int) -> Answer:
        answer: Answer = {}
        for kind in TARGET_KINDS:
            answer[kind] = [table.text_of(int(node)) for node in fold.random.permutation(table.spans[kind])[:k]]
        return answer

    return ask


def most_frequent(fold: Fold) -> Ask:
    """The modifiers that stand in most captions, whatever the prompt."""
    table = fold.graph.table
    counts = table.counts.tolist()
    ranked = {kind: sorted(table.spans[kind], key=lambda node: -counts[node]) for kind in TARGET_KINDS}
    return lambda _, k: {kind: [table.text_of(node) for node in ranked[kind][:k]] for kind in TARGET_KINDS}


def oracle(fold: Fold) -> Ask:
    """The best of the graph for each target, by one who knows the targets; not limited to k."""
    table = fold.graph.table

    def ask(question: Question, _: int) -> Answer:
        answer: Answer = {kind: [] for kind in TARGET_KINDS}
        for kind, target in question.targets:
            span = table.spans[kind]
            if span:
                nearness = table.vectors[span.start : span.stop] @ fold.graph.embedder.encode([target])[0]
                answer[kind].append(table.text_of(span[int(nearness.argmax())]))
            candidates = (text for stem in stems(target) for text in fold.by_stem[kind, stem])
            answer[kind] += [text for text in candidates if same(text, target)][:1]
        return answer

    return ask


BASELINE = "pooled, 30 scenes, MMR 0.8"
VARIANTS: dict[str, Variant] = {
    "random modifiers": at_random,
    "most frequent modifiers": most_frequent,
    "RAPO's released code": released,
    "reference": by_rule(Rule(mode="reference")),
    **{
        f"pooled, {scenes} scenes, {f'MMR {mmr}' if mmr < 1 else 'by cosine'}": by_rule(
            Rule(scenes=scenes, likelihood=0, mmr=mmr)
        )
        for scenes in (3, 10, 30, 100)
        for mmr in (1.0, 0.8, 0.7)
    },
    "30 merged scenes, by cosine": by_rule(Rule(scenes=30, likelihood=0, mmr=1), merged=True),
    "30 merged scenes, MMR 0.8": by_rule(Rule(scenes=30, likelihood=0, mmr=0.8), merged=True),
    "30 scenes, cosine + 0.15 log count": by_worth(
        lambda reached: reached.cosine + COUNT_WEIGHT * np.log(reached.count)
    ),
    "30 scenes, cosine + 0.15 PMI": by_worth(lambda reached: reached.cosine + COUNT_WEIGHT * reached.surprise),
    "30 scenes, cosine × scene's": by_worth(lambda reached: reached.cosine * reached.scene.clip(0)),
    "30 scenes, in the scenes' order": by_worth(lambda reached: reached.scene + 0.001 * reached.cosine),
    **{
        f"{scenes} scenes, cosine + {weight} likelihood": by_rule(Rule(scenes=scenes, likelihood=weight, mmr=1))
        for scenes in (30, 100)
        for weight in (0.1, 0.25, 0.5)
    },
    "10 scenes, cosine + 0.25 likelihood": by_rule(Rule(scenes=10, likelihood=0.25, mmr=1)),
    "30 scenes, cosine + 0.25 likelihood, MMR 0.8": by_rule(Rule(scenes=30, likelihood=0.25, mmr=0.8)),
    "30 scenes, likelihood alone": by_rule(Rule(scenes=30, likelihood=1e6, mmr=1)),
    "kNN, by cosine": by_rule(Rule(mode="knn", mmr=1)),
    "kNN, MMR 0.8": by_rule(Rule(mode="knn", mmr=0.8)),
    "kNN, MMR 0.7": by_rule(Rule(mode="knn", mmr=0.7)),
    "the best of the graph": oracle,
}


def score(question: Question, answer: Answer, embedder: Embedder) -> NDArray[np.float64]:
    """[kinds, 1 + measures] How many targets there are, and the sum of each measure over them."""
    sums = np.zeros((len(TARGET_KINDS), 1 + len(MEASURES)))
    for row, kind in zip(sums, TARGET_KINDS, strict=True):
        targets = [text for target_kind, text in question.targets if target_kind == kind]
        row[0] = len(targets)
        if targets and answer[kind]:
            nearest = (embedder.encode(targets) @ embedder.encode(answer[kind]).T).max(axis=1)
            row[1] = sum(any(same(target, text) for text in answer[kind]) for target in targets)
            row[2:] = (nearest >= MATCH).sum(), nearest.clip(0, 1).sum()
    return sums


def likeness(answer: Answer, embedder: Embedder) -> tuple[float, int]:
    """The summed cosine of all pairs of one kind that were retrieved together, and their number."""
    total, pairs = 0.0, 0
    for texts in answer.values():
        vectors = embedder.encode(texts)
        pairs += len(texts) * (len(texts) - 1) // 2
        total += float(((vectors @ vectors.T).sum() - (vectors * vectors).sum()) / 2)
    return total, pairs


@dataclass(frozen=True)
class Outcome:
    """What one rule retrieved when asked for so many modifiers of each kind."""

    rule: str
    k: int
    sums: NDArray[np.float64]
    """[groups, kinds, 1 + measures], see `score`."""
    fit: float
    """Mean cosine of a modifier to the whole caption."""
    retrieved: float
    """Modifiers of a kind, on average."""
    alike: float
    """Mean cosine of two modifiers of a kind retrieved together."""

    def shares(
        self, weights: NDArray[np.float64], kinds: Sequence[int] = range(len(TARGET_KINDS))
    ) -> NDArray[np.float64]:
        """[samples, measures] The measures over all targets, the groups weighted by [samples, groups]."""
        sums = weights @ self.sums[:, kinds].sum(axis=1)
        return sums[:, 1:] / sums[:, :1]


def ask_all(
    captions: Sequence[TaggedCaption],
    groups: NDArray[np.int64],
    questions: Sequence[Question],
    embedder: Embedder,
    seed: int,
) -> list[Outcome]:
    """Every rule's outcome, each question asked of a graph of the other folds."""
    fold_of_group = np.random.default_rng(seed).permutation(groups.max() + 1) % FOLDS
    folds = fold_of_group[groups]
    names = [(rule, k) for rule in VARIANTS for k in NUMBERS]
    sums = {name: np.zeros((len(fold_of_group), len(TARGET_KINDS), 1 + len(MEASURES))) for name in names}
    tallies = {name: np.zeros(4) for name in names}
    for number in range(FOLDS):
        graph = memory_graph([captions[row] for row in np.flatnonzero(folds != number).tolist()], embedder)
        if not graph.table.scenes:
            raise GraphStoreError("a fold's captions have no scene, so there is no graph to ask; give more captions")
        merged = RelationGraph(merge_scenes(graph.table), embedder)
        fold = Fold(graph, merged, np.random.default_rng([seed, number]))
        asks = {rule: variant(fold) for rule, variant in VARIANTS.items()}
        asked = [question for question in questions if folds[question.caption] == number]
        console = Console(stderr=True)
        label = f"fold {number + 1} of {FOLDS}"
        for question in track(asked, label, console=console, transient=True, disable=not console.is_terminal):
            whole = embedder.encode([captions[question.caption].text])[0]
            for rule, k in names:
                answer = asks[rule](question, k)
                sums[rule, k][groups[question.caption]] += score(question, answer, embedder)
                texts = [text for found in answer.values() for text in found]
                fit = (embedder.encode(texts) @ whole).sum()
                tallies[rule, k] += len(texts), *likeness(answer, embedder), fit
    return [
        Outcome(
            rule,
            k,
            sums[rule, k],
            fit=tallies[rule, k][3] / max(tallies[rule, k][0], 1),
            retrieved=tallies[rule, k][0] / len(questions) / len(TARGET_KINDS),
            alike=tallies[rule, k][1] / max(tallies[rule, k][2], 1),
        )
        for rule, k in names
    ]


def compare(outcomes: Sequence[Outcome], seed: int) -> list[dict[str, Any]]:
    """A row for every rule, number and kind: each measure, and its difference to the baseline's with a 95 % interval.

    The interval is the paired bootstrap's, over groups of captions.
    """
    groups = len(outcomes[0].sums)
    weights = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float64)
    weights = np.concatenate([np.ones((1, groups)), weights])
    rows: list[dict[str, Any]] = []
    for name, kinds in {"all": range(len(TARGET_KINDS)), **{kind: [i] for i, kind in enumerate(TARGET_KINDS)}}.items():
        baselines = {other.k: other.shares(weights, kinds) for other in outcomes if other.rule == BASELINE}
        for outcome in outcomes:
            shares = outcome.shares(weights, kinds)
            differences = shares - baselines[outcome.k]
            low, high = np.quantile(differences[1:], (0.025, 0.975), axis=0)
            rows.append(
                {"rule": outcome.rule, "k": outcome.k, "kind": name, "retrieved": outcome.retrieved}
                | {"alike": outcome.alike, "fit": outcome.fit}
                | {
                    measure: dict(zip(("share", "difference", "low", "high"), map(float, numbers), strict=True))
                    for measure, *numbers in zip(MEASURES, shares[0], differences[0], low, high, strict=True)
                }
            )
    return rows


def show(rows: Sequence[dict[str, Any]], k: int) -> Table:
    """The rows for all kinds together, and the cosine of the nearest modifier for each kind."""
    table = Table(
        Column("rule", no_wrap=True),
        *MEASURES,
        *TARGET_KINDS,
        "fit",
        "alike",
        "each",
        box=MARKDOWN,
        title=f"{k} modifiers of each kind",
    )
    of_kind = {(row["rule"], row["kind"]): row["nearest"] for row in rows if row["k"] == k}
    for row in rows:
        if row["k"] == k and row["kind"] == "all":
            nearest = (f"{of_kind[row['rule'], kind]['share']:.3f}" for kind in TARGET_KINDS)
            cells = (_show_share(row[measure], row["rule"] == BASELINE) for measure in MEASURES)
            table.add_row(
                row["rule"], *cells, *nearest, f"{row['fit']:.2f}", f"{row['alike']:.2f}", f"{row['retrieved']:.1f}"
            )
    return table


def _show_share(numbers: dict[str, float], is_baseline: bool) -> str:
    share = f"{numbers['share']:.3f}"
    if is_baseline:
        return share
    return f"{share} ({numbers['low']:+.3f} … {numbers['high']:+.3f})"


def main(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CAPTIONS]...", help="Caption files; those of equal length rewrite each other by line."
        ),
    ] = None,
    embedder: Annotated[str, typer.Option(help="What retrieves and what scores.")] = "minilm",
    given: Annotated[float, typer.Option(min=0.1, max=0.9, help="The share of a caption in the prompt.")] = 0.5,
    splits: Annotated[int, typer.Option(min=1, help="Questions made of each caption.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask so many questions at most, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of folds, prompts and random modifiers.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file as well.")] = None,
) -> None:
    """Compares the rules of retrieval on held-out captions; without files, on those that come with the package."""
    try:
        remembered = Remembered(open_embedder(embedder))
        captions, groups = read_in_groups(files or [], remembered)
        random = np.random.default_rng(seed)
        drawn = (
            make_question(row, captions[row], given, random) for row in range(len(captions)) for _ in range(splits)
        )
        questions = [question for question in drawn if question]
        if limit and limit < len(questions):
            questions = [questions[int(place)] for place in random.choice(len(questions), limit, replace=False)]
        if groups.max() + 1 < FOLDS or not questions:
            raise GraphStoreError(f"{len(captions)} captions are too few or too poor in phrases; give more")
        remembered.encode(
            [text for question in questions for text in (question.prompt, *(text for _, text in question.targets))]
        )
        outcomes = ask_all(captions, groups, questions, remembered, seed)
    except GraphStoreError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    rows = compare(outcomes, seed)
    targets = sum(len(question.targets) for question in questions)
    facts = (
        f"{len(captions):,} captions in {groups.max() + 1:,} groups, {len(questions):,} prompts, {targets:,} targets"
    )
    console = Console(width=200)
    console.print(facts)
    for k in NUMBERS:
        console.print(show(rows, k))
    if json_file:
        content = {"captions": [str(file) for file in files or ["starter"]], "facts": facts, "seed": seed, "rows": rows}
        aside = json_file.with_name(f".{json_file.name}.new")
        aside.write_text(json.dumps(content, indent=1), encoding="utf-8")
        aside.replace(json_file)


if __name__ == "__main__":
    typer.run(main)
