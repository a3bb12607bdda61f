"""Finds scenes, subjects, actions and atmospheres in an English caption by rules, without a model."""

import re
from functools import lru_cache

import simplemma

from graph_store.phrases import PHRASE_LIMIT, clean_phrases
from graph_store.records import TaggedCaption
from graph_store.words import (
    ATMOSPHERE_HEADS,
    ATMOSPHERE_PHRASES,
    AUXILIARIES,
    CLOTHES,
    CONJUNCTIONS,
    DETERMINERS,
    FUNCTION_WORDS,
    NOT_PLACES,
    NOUNS_IN_ING,
    PLACE_NOUNS,
    PLACE_PREPOSITIONS,
    PLURALS,
    PREPOSITIONS,
    PRONOUNS,
    SINGULARS,
    SUBORDINATORS,
    VERBS,
)

ACTION_WORDS = 9
"""An action is cut off after this many words."""
NOUN_PHRASE_WORDS = 5
"""So is a place."""

_ENDS_NOUN_PHRASE = (PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | PRONOUNS) - {"of"}
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]")
_PHRASES = re.compile(rf"\b(?:{'|'.join(ATMOSPHERE_PHRASES)})\b", re.IGNORECASE)


def tag_caption(text: str) -> TaggedCaption:
    """The caption with the phrases found in it.

    Verb forms are given as "-ing" ("a man rides a horse" holds the action "riding a horse"), places with their
    preposition ("in a park"). What the rules don't understand is left out: a caption may come back without a scene.
    """
    scenes: list[str] = []
    subjects: list[str] = []
    actions: list[str] = []
    spare_scenes: list[str] = []
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        words = _TOKEN.findall(sentence)
        places = _find_places(words)
        covered = {at for start, stop, sure in places if sure for at in range(start, stop)}
        for start, stop, sure in places:
            (scenes if sure else spare_scenes).append(_join(words[start:stop]))
        verbs = _find_verbs(words, covered)
        subject = _find_subject(words, verbs, covered)
        if subject:
            subjects.append(subject)
        actions += [_take_action(words, at, verbs, covered) for at in verbs]
    if not scenes:
        scenes = spare_scenes[-1:]
    return TaggedCaption(
        text,
        scenes=_keep(scenes),
        subjects=_keep(subjects),
        actions=_keep(actions),
        atmospheres=_keep(_find_atmospheres(text)),
    )


def _keep(phrases: list[str]) -> tuple[str, ...]:
    return clean_phrases(phrase for phrase in phrases if len(phrase) <= PHRASE_LIMIT)


def _join(words: list[str]) -> str:
    phrase = " ".join(words)
    first, _, rest = phrase.partition(" ")
    return f"{first.lower()} {rest}".strip()


def _is_word(token: str) -> bool:
    return token[0].isalnum()


def _ends_noun_phrase(word: str) -> bool:
    """Whether a noun phrase that has begun can't go on with this word."""
    return not _is_word(word) or word.lower() in _ENDS_NOUN_PHRASE


def _find_places(words: list[str]) -> list[tuple[int, int, bool]]:
    """From, to and certainty of each phrase such as "in a dense forest": certain where its noun is known as a place."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    while at < len(words):
        if words[at].lower() not in PLACE_PREPOSITIONS:
            at += 1
            continue
        stop = at + 1
        while stop < len(words) and stop - at <= NOUN_PHRASE_WORDS and not _ends_noun_phrase(words[stop]):
            if stop > at + 2 and (_is_participle(words, stop) or _is_finite(words, stop)):
                break
            stop += 1
        phrase = [word.lower() for word in words[at + 1 : stop]]
        if phrase and not set(phrase) & (ATMOSPHERE_HEADS | CLOTHES):
            heads = [place for place, word in enumerate(phrase) if _singular(word) in PLACE_NOUNS]
            if heads and phrase[heads[-1]] not in NOT_PLACES:
                found.append((at, at + 2 + heads[-1], True))
            elif phrase[0] in DETERMINERS and len(phrase) > 1:
                found.append((at, stop, False))
        at = max(stop, at + 1)
    return found


def _singular(word: str) -> str:
    if word in PLACE_NOUNS or not word.endswith("s"):
        return word
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]


def _is_participle(words: list[str], at: int) -> bool:
    """Whether this is an "-ing" form that says what happens, not a noun or an adjective before one."""
    word = words[at].lower()
    if not word.endswith("ing") or len(word) < 5 or word in NOUNS_IN_ING:
        return False
    return at == 0 or words[at - 1].lower() not in DETERMINERS | {"of"}


def _is_finite(words: list[str], at: int) -> bool:
    """Whether this is a known verb in "-s" with nothing after it that a plural noun would describe."""
    word = words[at].lower()
    ends_here = at + 1 == len(words) or not _describes(words[at + 1].lower())
    return ends_here and word.endswith("s") and _base_of(word) in VERBS


def _is_plural(word: str) -> bool:
    return word in PLURALS or (word.endswith("s") and not word.endswith(("ss", "'s", "’s")))


def _base_of(word: str) -> str:
    """The infinitive of a verb in "-s"."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ss|sh|ch|x|zz|o)es$", word):
        return word[:-2]
    return word[:-1]


def _ing(base: str) -> str:
    """The participle of an infinitive: "ride" gives "riding", "run" gives "running", "lie" gives "lying"."""
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return base[:-1] + "ing"
    if re.fullmatch(r"[^aeiou]*(?:qu)?[aeiou][^aeiouwxy]", base):
        return base + base[-1] + "ing"
    return base + "ing"


@lru_cache(maxsize=1 << 14)
def _can_be_verb(base: str) -> bool:
    """Whether the list has this infinitive, or a dictionary its participle."""
    return base in VERBS or (len(base) > 2 and simplemma.lemmatize(_ing(base), lang="en") == base)


def _find_verbs(words: list[str], covered: set[int]) -> dict[int, str]:
    """The verbs outside of places: position and "-ing" form."""
    main = {at for start in _clause_starts(words) if (at := _find_main_verb(words, start, covered)) is not None}
    verbs: dict[int, str] = {}
    for at, token in enumerate(words):
        word = token.lower()
        if at in covered or not _is_word(token) or word in FUNCTION_WORDS:
            continue
        before = words[at - 1].lower() if at else ""
        after = words[at + 1].lower() if at + 1 < len(words) else ""
        if verbs and before in ATMOSPHERE_HEADS:
            continue  # "as the camera drifts" tells what the camera does
        if at in main:
            verbs[at] = _ing(_base_of(word))
            continue
        if word == "wearing":
            continue
        if _is_participle(words, at):
            # "curling" in "thin curling shavings" and "drifting" in "drifting clouds" only describe.
            led = at == 0 or before in AUXILIARIES | CONJUNCTIONS | {","}
            followed = not after or not _describes(after)
            if (led or followed) and after not in ATMOSPHERE_HEADS and not (verbs and _is_aside(words, at)):
                verbs[at] = word
            continue
        if not _is_word(before or ",") or before in DETERMINERS | PREPOSITIONS:
            continue
        joined = before == "and" and bool(verbs)
        if word.endswith("s") and not word.endswith(("ss", "'s", "’s")):
            base = _base_of(word)
            if after in DETERMINERS or _is_finite(words, at) or (joined and _can_be_verb(base)):
                verbs[at] = _ing(base)
        elif word in VERBS and (_is_plural(before) or joined):
            verbs[at] = _ing(word)
    return verbs


def _is_aside(words: list[str], at: int) -> bool:
    """Whether something new does this after a comma, as in "a man walks, leaves whirling": no action of the subject."""
    comma = next((place for place in range(at - 1, 0, -1) if not _is_word(words[place])), 0)
    earlier = {word.lower() for word in words[:comma]}
    doer = [word.lower() for word in words[comma + 1 : at] if _describes(word.lower()) and not word.endswith("ly")]
    return comma > 0 and bool(doer) and doer[-1] not in earlier


def _clause_starts(words: list[str]) -> list[int]:
    """Where the sentence's subjects may begin: at the first word, after "In a wide shot," and after "while"."""
    return [0, _skip_opener(words)] + [at + 1 for at, word in enumerate(words) if word.lower() in SUBORDINATORS]


def _skip_opener(words: list[str]) -> int:
    """The place after the first comma of a sentence that begins with "in" or "at"; else 0."""
    if words and words[0].lower() in PREPOSITIONS and "," in words:
        return words.index(",") + 1
    return 0


def _find_main_verb(words: list[str], start: int, covered: set[int]) -> int | None:
    """The verb of the clause that begins here, by number: in "a heron with long legs wades", only "wades" can be it.

    A noun after "a" has no "-s", so the first word in "-s" after it is no noun; a noun without an article may have one.
    """
    may_be_plural = True
    for at in range(start, len(words)):
        word = words[at].lower()
        if not _is_word(word) or word in AUXILIARIES | SUBORDINATORS:
            return None
        if word in PREPOSITIONS | {"and", "or"}:
            may_be_plural = at + 1 < len(words) and words[at + 1].lower() not in SINGULARS
        elif word in DETERMINERS:
            may_be_plural = word not in SINGULARS
        elif word in PLURALS:
            may_be_plural = False
        elif word.endswith("s") and not word.endswith(("ss", "'s", "’s")):
            if may_be_plural:
                may_be_plural = False
            elif at not in covered and at > start and _can_be_verb(_base_of(word)):
                return at
    return None


def _take_action(words: list[str], at: int, verbs: dict[int, str], covered: set[int]) -> str:
    """From the verb to where something else begins: a place, a comma, another verb, or "while" and its like."""
    taken = [verbs[at]]
    for follow in range(at + 1, min(len(words), at + ACTION_WORDS)):
        word = words[follow].lower()
        if follow in covered or follow in verbs or not _is_word(word):
            break
        if word in CONJUNCTIONS - {"and", "or", "with"} or (word == "and" and _starts_clause(words, follow + 1, verbs)):
            break
        taken.append(words[follow])
    while len(taken) > 1 and taken[-1].lower() in CONJUNCTIONS | DETERMINERS | {"of", "to"}:
        taken.pop()
    return _join(taken)


def _starts_clause(words: list[str], at: int, verbs: dict[int, str]) -> bool:
    """Whether a verb follows within three words."""
    return any(follow in verbs for follow in range(at, at + 3)) or at >= len(words)


def _find_subject(words: list[str], verbs: dict[int, str], covered: set[int]) -> str | None:
    """What stands before the first verb, a place in front of it left out."""
    start = _skip_opener(words)
    if any(at < start for at in verbs):
        start = 0
    while start < len(words) and (start in covered or not _is_word(words[start])):
        start += 1
    stop = next((at for at in sorted(verbs) if at > start), len(words) if not verbs else start)
    phrase: list[str] = []
    for at in range(start, stop):
        word = words[at].lower()
        if at in covered or not _is_word(word) or word in AUXILIARIES | {"who", "which", "that", "while", "as"}:
            break
        phrase.append(words[at])
    lowered = {word.lower() for word in phrase}
    if not phrase or lowered <= FUNCTION_WORDS or phrase[0].lower() in PRONOUNS | PREPOSITIONS:
        return None
    return None if lowered & ATMOSPHERE_HEADS and phrase[-1].lower() in ATMOSPHERE_HEADS else _join(phrase)


def _describes(word: str) -> bool:
    return _is_word(word) and word not in FUNCTION_WORDS


def _find_atmospheres(text: str) -> list[str]:
    """Light, weather, mood, style and camera: known phrases, then known nouns with the words that describe them."""
    found = [match.group().lower() for match in _PHRASES.finditer(text)]
    words = _TOKEN.findall(_PHRASES.sub(" . ", text))
    for at, token in enumerate(words):
        if token.lower() not in ATMOSPHERE_HEADS:
            continue
        if at + 1 < len(words) and words[at + 1].lower() in ATMOSPHERE_HEADS:
            continue
        start = at
        while start and at - start < 3 and _describes(words[start - 1].lower()):
            start -= 1
        phrase = [word.lower() for word in words[start : at + 1]]
        # Without an adjective most of these nouns say nothing: "the camera", "the sky".
        if len(phrase) > 1 or phrase[0] not in {"light", "camera", "sky", "shot", "sun", "style", "angle", "focus"}:
            found.append(" ".join(phrase))
    return found
