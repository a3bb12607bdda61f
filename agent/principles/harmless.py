"""Is a text harmless? Rules: listed terms with the words around them, read through disguises.

The first line of defence, and no more: terms are English, and what is only meant is not seen (docs/principles.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.principles.benign_terms import BENIGN
from agent.principles.term_groups import GROUPS
from agent.principles.term_language import Term, TermFinder, read_terms
from agent.principles.terms import DEGRADING, HARMS, SLURS, SUGGESTIVE, Category
from agent.principles.unmask import Disguises
from agent.records import Finding


@dataclass(frozen=True)
class Hazard:
    """Something unsafe in a text."""

    category: Category
    words: str
    """As they stand in the text."""
    start: int
    end: int
    """Where they stand, end exclusive."""
    why: str
    softer: str | None
    """What to say instead; "" for nothing, None when there is no way to say it."""

    @property
    def finding(self) -> Finding:
        """For the record of the candidate."""
        return Finding(rule="harmless", detail=f"{self.category}: {self.words!r} ({self.why})")


def find_hazards(text: str) -> list[Hazard]:
    """What is unsafe in the text, in its order; none inside another of the same category. Pure, never raises.

    A word that suggests is unsafe beside a minor only, and one that degrades beside a real person only. Anything sexual
    in a text that names a minor is of the category "minors", wherever in the text they stand, and can't be softened.
    """
    rules = _rules()
    unmasked = rules.disguises.unmask(text)
    benign = [match.span() for _, match in rules.benign.find(unmasked.text)]

    def see(finder: TermFinder) -> list[tuple[Term, re.Match[str]]]:
        return [
            (term, match)
            for term, match in finder.find(unmasked.text)
            if not any(start <= match.start("harm") and match.end("harm") <= end for start, end in benign)
        ]

    def hazard(match: re.Match[str], category: Category, why: str, term: Term) -> Hazard:
        start, end = unmasked.span(*match.span("harm"))
        return Hazard(category, text[start:end], start, end, why, softer=term.soften(match["harm"]))

    hazards = [hazard(match, *rules.sorts[term], term) for term, match in see(rules.harms)]
    sexual = any(found.category == "sexual" for found in hazards)
    minors = [*rules.minors.find(unmasked.text), *(see(rules.maybe_minors) if sexual else ())]
    if minors and (sexual or see(rules.suggestive)):
        hazards += [hazard(match, "minors", "a minor in sexual content", term) for term, match in minors]
    if named := list(rules.named.find(unmasked.text)):
        hazards += [hazard(match, DEGRADING.category, DEGRADING.why, term) for term, match in see(rules.degrading)]
        if any(found.category in _DEGRADING_CATEGORIES for found in hazards):
            for term, match in named:
                found = hazard(match, "real_person", "a real person in such a scene", term)
                hazards.append(replace(found, softer=found.words))
    return _outermost(hazards)


_DEGRADING_CATEGORIES = ("sexual", "minors", "gore", "self_harm", "real_person")


@dataclass(frozen=True)
class _Rules:
    harms: TermFinder
    sorts: Mapping[Term, tuple[Category, str]]
    """What each harm is, and why."""
    benign: TermFinder
    minors: TermFinder
    maybe_minors: TermFinder
    """Words for grown-ups as well, read as minors where the content is sexual by itself."""
    suggestive: TermFinder
    named: TermFinder
    degrading: TermFinder
    disguises: Disguises


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    sorts: dict[Term, tuple[Category, str]] = {
        term: (listed.category, listed.why) for listed in HARMS for term in read_terms(listed.terms, GROUPS)
    }
    sorts |= dict.fromkeys(read_terms(f"{'|'.join(SLURS)} =>", GROUPS), ("hate", "a slur"))
    minors, maybe, suggestive, named, degrading = (
        read_terms(lines, GROUPS)
        for lines in (f"[minor]\n{_ages_of_minors()}", "[maybe_minor]", SUGGESTIVE, "[named]", DEGRADING.terms)
    )
    terms = [*sorts, *minors, *maybe, *suggestive, *named, *degrading]
    return _Rules(
        harms=TermFinder(list(sorts)),
        sorts=sorts,
        benign=TermFinder(read_terms(BENIGN, GROUPS)),
        minors=TermFinder(minors),
        maybe_minors=TermFinder(maybe),
        suggestive=TermFinder(suggestive),
        named=TermFinder(named),
        degrading=TermFinder(degrading),
        disguises=Disguises({word for term in terms for word in term.words if word.isalpha()}),
    )


def _ages_of_minors() -> str:
    """Terms for every age under 18, in digits and in words."""
    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    ages = "|".join([*words.split(), *map(str, range(1, 18))])
    months = "|".join(map(str, range(1, 25)))
    glued = "|".join(f"{number}yo|{number}yrs" for number in range(1, 18))
    return f"{ages} year|years|yr|yrs old\n{ages} yo\naged|age|age_of {ages}\n{months} month|months old\n{glued}"


def _outermost(hazards: list[Hazard]) -> list[Hazard]:
    """Each once, in the order of the text, without those inside another of their category; the first listed wins."""
    kept: list[Hazard] = []
    reached: dict[Category, int] = {}
    for hazard in sorted(hazards, key=lambda hazard: (hazard.start, -hazard.end)):
        if hazard.end > reached.get(hazard.category, -1):
            kept.append(hazard)
            reached[hazard.category] = hazard.end
    return kept
