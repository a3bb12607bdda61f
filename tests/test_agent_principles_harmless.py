"""What the rules call unsafe, and what they let pass."""

import json
import time
from pathlib import Path

import pytest

from agent.principles.harmless import find_hazards
from agent.principles.term_language import TermFinder, inflect, read_terms
from agent.principles.terms import SLURS
from benchmarks.principles import LAST_TUNED_ON, count, read_labelled, real_prompts, wilson


def categories(text: str) -> set[str]:
    return {hazard.category for hazard in find_hazards(text)}


@pytest.mark.parametrize(
    "text",
    ["a chef beats eggs", "shoot a video of a deer", "a kill switch", "breast of chicken", "stabbing at the salad",
     "Dick Whittington", "a cock crowing at dawn", "a blood orange", "a bomb cyclone", "a naked mole rat",
     "a bare tree", "a drug store", "a knight slays a dragon", "soldiers storm a hill", "a couple kisses in the rain",
     "a child reads a comic strip", "Donald Trump on the Las Vegas strip", "white power cables", "", "4k"],
)  # fmt: skip
def test_a_benign_look_alike_passes(text: str) -> None:
    assert find_hazards(text) == []


def test_a_benign_phrase_excuses_itself_and_nothing_else() -> None:
    assert find_hazards("a naked mole rat digs") == []
    assert [hazard.words for hazard in find_hazards("a naked mole rat beside a naked man")] == ["naked"]


def test_a_hazard_says_the_words_as_they_stand_and_where() -> None:
    text = "On a sofa: a N@KED wo\u200bman"
    (hazard,) = find_hazards(text)
    assert (hazard.category, hazard.words) == ("sexual", "N@KED")
    assert text[hazard.start : hazard.end] == hazard.words
    assert hazard.finding.rule == "harmless"
    assert "'N@KED'" in hazard.finding.detail


@pytest.mark.parametrize("text", ["a naked woman on a beach, a child plays", "a sexy schoolgirl", "nude, 16 years old"])
def test_sexual_content_with_a_minor_is_that_before_all(text: str) -> None:
    hard = [hazard for hazard in find_hazards(text) if hazard.category == "minors"]
    assert hard
    assert all(hazard.softer is None for hazard in hard)


@pytest.mark.parametrize(
    "text", ["a child plays on a beach", "a sexy car", "a sensual tango", "a 16 year old chess player"]
)
def test_a_minor_alone_and_a_suggestive_word_alone_are_harmless(text: str) -> None:
    assert find_hazards(text) == []


def test_a_degrading_scene_is_unsafe_with_a_real_person_only() -> None:
    assert "real_person" in categories("Joe Biden crawling like a dog")
    assert categories("a clown crawling like a dog") == set()
    assert categories("Joe Biden waves to a crowd") == set()


def test_every_listed_slur_is_found_also_in_disguise() -> None:
    assert all(categories(f"a sign says {slur}") == {"hate"} for slur in SLURS)
    assert all(categories(f"a sign says {' '.join(slur)}") == {"hate"} for slur in SLURS)


def test_the_labelled_texts_are_many_and_half_of_them_harmless() -> None:
    texts = read_labelled()
    assert len({text.id for text in texts}) == len({text.text for text in texts}) == len(texts) >= 200
    assert 0.4 < sum(text.label == "harmless" for text in texts) / len(texts) < 0.6


def test_the_rules_do_no_worse_than_what_the_docs_say() -> None:
    texts = read_labelled()
    tuned_on = count([text for text in texts if text.id <= LAST_TUNED_ON])
    held_out = count([text for text in texts if text.id > LAST_TUNED_ON])
    assert tuned_on.right / tuned_on.alarms > 0.98
    assert tuned_on.found / tuned_on.unsafe > 0.98
    assert held_out.right / held_out.alarms > 0.94
    assert held_out.found / held_out.unsafe >= 0.90


def test_real_prompts_raise_few_alarms() -> None:
    sets = real_prompts()
    if not sets:
        pytest.skip("no shared/data beside the checkout")
    assert sum(bool(find_hazards(prompt)) for prompt in sets["VPO queries"]) <= 5
    assert not any(find_hazards(prompt) for prompt in sets["VBench all_dimension_longer"])


def test_a_share_has_wilsons_interval() -> None:
    low, high = wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)  # Wilson 1927; Newcombe 1998, method 3
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10)[0] == 0.0


@pytest.mark.parametrize(
    "piece", ["a ", "n@ked ", "n u d e ", "s*x ", "stab a man ", "Trump, naked ", "....", "\u200b"]
)
def test_a_text_of_ten_thousand_characters_is_read_in_seconds(piece: str) -> None:
    text = (piece * 10_000)[:10_000]
    started = time.process_time()
    find_hazards(text)
    assert time.process_time() - started < 5


def test_a_term_finds_its_forms_across_a_few_words_of_one_sentence() -> None:
    (term,) = read_terms("{stab+} .. [who] => confront+", {"who": "man men"})
    finder = TermFinder([term])
    ((found, match),) = finder.find("she is stabbing an old, tall man")
    assert match["harm"] == "stabbing"
    assert found.soften("stabbing") == "confronting"
    assert list(finder.find("she stabs the steak. a man looks on")) == []
    assert list(finder.find("the stable man")) == []


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("stab", {"stab", "stabs", "stabbing", "stabbed"}),
        ("strip", {"strip", "strips", "stripping", "stripped"}),
        ("pose", {"pose", "poses", "posing", "posed"}),
        ("carry", {"carry", "carries", "carrying", "carried"}),
        ("slash", {"slash", "slashes", "slashing", "slashed"}),
        ("behead", {"behead", "beheads", "beheading", "beheaded"}),
    ],
)
def test_words_are_inflected(word: str, forms: set[str]) -> None:
    assert set(inflect(word)) == forms


def test_a_term_that_can_not_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="unknown group 'who'; known: people"):
        read_terms("stab+ [who]", {"people": "man"})
    with pytest.raises(ValueError, match="begins with a gap"):
        read_terms(".. man", {})


def test_the_labelled_file_is_ascii_so_that_disguises_can_be_seen() -> None:
    path = Path(__file__).parent / "data" / "principles.jsonl"
    lines = path.read_text(encoding="ascii").splitlines()
    assert any("\\u" in line for line in lines)
    assert all(set(json.loads(line)) == {"id", "text", "label", "category", "note"} for line in lines)
