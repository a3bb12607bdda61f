"""Reads a prompt by rules: which things it names, what they are like, what they do and where they stand.

A shallow reading of English, made for prompts: short clauses, noun phrases, participles, lists of style words. Text that it
does not understand comes out as things named by their words, never as an error.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from feedback import english
from feedback.lexicon import colour_in

_BACKGROUND = ("background", "backdrop")
_MAX_WORDS = 600
_MAX_WORDS_IN_A_NAME = 6

_RELATION_WORDS = (
    ("left of", r"(?:(?:to|on|at|from) (?:the|its) )?left(?:[- ]hand)?(?: side)? of"),
    ("right of", r"(?:(?:to|on|at|from) (?:the|its) )?right(?:[- ]hand)?(?: side)? of"),
    ("above", r"above|on (?:the )?top of|atop"),
    ("below", r"below|under|underneath|beneath|on the bottom of"),
    ("in front of", r"in front of"),
    ("behind", r"behind"),
    ("next to", r"next to|beside|alongside|adjacent to"),
    ("over", r"over"),
    ("on", r"on|upon"),
)
_TOKEN = re.compile(
    "|".join(f"(?P<r{i}>\\b(?:{words})\\b)" for i, (_, words) in enumerate(_RELATION_WORDS))
    + r"|(?P<word>[^\W_]+(?:['’-][^\W_]+)*|&)|(?P<stop>[.!?;:\n]+)|(?P<comma>[,()\"“”—–|]+)",
    re.IGNORECASE,
)

_CAMERA = re.compile(
    r"\b(?:(?:extreme |medium )?close[- ]?ups?(?: (?:shot|view))?(?: of)?|(?:extreme |ultra )?(?:wide|long|medium|full)[- ](?:angle )?(?:shot|view)(?: of)?|wide[- ]angle|"
    r"(?:an? )?(?:aerial|drone|bird'?s[- ]eye|overhead|top[- ]down|front|side|back|rear|first[- ]person|macro|pov|tracking|"
    r"static|handheld|establishing|low[- ]angle|high[- ]angle|eye[- ]level)[- ](?:view|shot|footage|camera|perspective|angle)(?: of)?|"
    r"(?:a )?(?:moving|shaky|steady|fixed) camera|(?:the )?(?:camera )?(?:slowly )?(?:pan(?:s|ning)?|tilt(?:s|ing)?|zoom(?:s|ing)?|doll(?:y|ies|ying))(?: (?:slowly|to the|shot))? ?(?:left|right|up|down|in|out)\b|"
    r"(?:(?:in )?a )?still frame|frozen in time|portrait|facing (?:the )?camera|slow[- ]?mo(?:tion)?|time[- ]?lapse|hyperlapse|timelapse|racking focus|rack focus|shallow depth of field|bokeh|"
    r"(?:with )?an? intense shaking effect|featuring a steady and smooth perspective|macro|cropped closeup|the camera [^,.;]{1,60})\b",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"\b(?:(?:in|by) the style of [^,.;]{1,40}|in (?:an? )?(?:[\w-]+ ){1,3}style|(?:van gogh|[\w-]+) style|(?:watercolou?r|oil|acrylic|ink) painting|"
    r"pixel art|line art|concept art|digital art|black and white|anime|cartoon|cinematic|photo-?realis(?:tic|m)|photoreal|hyper-?realistic|realistic|"
    r"surrealism|cyberpunk|claymation|stop[- ]motion|(?:8|16|35)\s?mm(?: film)?|vhs(?: footage)?|[48]k|uhd|hdr?|3d (?:render|model|animation)(?: of)?|"
    r"vibrant colou?rs?|a tranquil tableau of|\d0'?s|by hokusai)(?!\w)",
    re.IGNORECASE,
)
_FLAG = re.compile(r"(?:^|\s)--?(?:neg\w*\s*(?:\([^)]*\)|.*$)|[a-z]+(?: +[\d.:]+)?(?=\s|$))", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")


@dataclass(eq=False)
class Thing:
    """One thing the prompt names, gathered from all its mentions."""

    head: str
    """The last word of its name, as written, lower case: "balls"."""
    noun: str
    """The canonical head: "circle" for "balls"."""
    name: str
    """The noun phrase without determiner and number: "big red balls"."""
    phrase: str
    position: int
    determiner: str = ""
    count: int | None = None
    """None when the text gives none ("balls", "some balls")."""
    plural: bool = False
    adjectives: list[str] = field(default_factory=list)
    is_scene: bool = False
    """Whether it only says where: the beach of "on a beach"."""

    @property
    def colour(self) -> str | None:
        """The canonical colour, if one is named."""
        return next((colour for word in self.adjectives if (colour := colour_in(word))), None)

    @property
    def concept(self) -> str:
        """Colour and canonical noun: "red circle"."""
        return f"{self.colour} {self.noun}" if self.colour else self.noun


class Statement(NamedTuple):
    """Something said of a thing, or of the whole video when there is no subject."""

    kind: Literal["attribute", "action", "relation", "scene", "style", "camera"]
    subject: Thing | None
    value: str
    object: Thing | None
    phrase: str
    position: int


@dataclass
class Reading:
    """What a prompt says."""

    things: list[Thing]
    statements: list[Statement]
    text: str


class _Token(NamedTuple):
    kind: str
    """"word", "stop", "comma" or "relation"."""
    word: str
    relation: str
    start: int
    end: int


def clean(prompt: str) -> str:
    """The prompt without markup, generator flags and surplus space."""
    text = _TAG.sub(" ", html.unescape(prompt[:20_000]))
    text = _FLAG.sub(" ", text)
    return re.sub(r"[^\S\n]+", " ", text).strip()


def read_prompt(prompt: str) -> Reading:
    """Things and statements of a prompt, in the order of the text; both empty when it has no words."""
    text = clean(prompt)
    fixed: list[Statement] = []

    def take(kind: Literal["camera", "style"]) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            value = re.sub(r"^(?:in )?(?:an? )(?=still|tranquil)|\s+of$", "", match[0].strip(), flags=re.IGNORECASE)
            fixed.append(Statement(kind, None, value, None, match[0].strip(), match.start()))
            return ("," + " " * len(match[0]))[: len(match[0])]

        return replace

    masked = _STYLE.sub(take("style"), _CAMERA.sub(take("camera"), text))
    reader = _Reader(text, _tokens(masked))
    reader.read()
    statements = sorted(fixed + reader.statements, key=lambda statement: statement.position)
    return Reading(reader.things, statements, text)


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "word"
        relation = _RELATION_WORDS[int(kind[1:])][0] if re.fullmatch(r"r\d", kind) else ""
        tokens.append(_Token("relation" if relation else kind, match[0].lower(), relation, match.start(), match.end()))
        if len(tokens) == _MAX_WORDS:
            break
    return tokens


class _Reader:
    """One pass over the tokens, with what has been said so far."""

    def __init__(self, text: str, tokens: list[_Token]):
        self.text, self.tokens, self.at = text, tokens, 0
        self.things: list[Thing] = []
        self.statements: list[Statement] = []
        self.subjects: list[Thing] = []
        """Whom the next verb is about."""
        self.nearest: Thing | None = None
        """The noun phrase right before this token."""
        self.pending: tuple[str, int] | None = None
        """A relation that came before its subject, or waits for its object."""
        self.joined = False
        """Whether "and" stands between the last noun phrase and this token."""
        self.after_be = False
        self.listing = False
        """Whether the name being read follows "and", so that a plural verb may follow it."""

    def peek(self, ahead: int = 0) -> _Token:
        place = self.at + ahead
        return (
            self.tokens[place] if place < len(self.tokens) else _Token("stop", "", "", len(self.text), len(self.text))
        )

    def read(self) -> None:
        while self.at < len(self.tokens):
            start = self.at
            self.step()
            if self.at == start:
                self.at += 1

    def step(self) -> None:
        token = self.peek()
        if token.kind in ("stop", "comma"):
            self.nearest, self.joined, self.after_be = None, False, False
            self.at += 1
        elif token.kind == "relation":
            self.read_relation(token)
        elif token.word in english.CONJUNCTIONS:
            self.joined, self.after_be = token.word in ("and", "&"), False
            self.at += 1
        elif token.word in english.BE or token.word in ("seems", "looks"):
            self.after_be = True
            self.at += 1
        elif token.word in english.NEGATIONS:
            self.skip_negated()
        elif token.word in ("both", "they", "all", "each") and self.speaks_of_all():
            self.subjects = [thing for thing in self.things if not thing.is_scene][-2 if token.word == "both" else 0 :]
            self.nearest = self.subjects[-1] if self.subjects else None
            self.at += 1
        elif token.word in english.PRONOUNS and not self.starts_name():
            self.nearest = self.subjects[-1] if self.subjects else None
            self.at += 1
        elif self.after_be and english.is_still_word(token.word):
            self.say_action(self.at, self.at + 1)
        elif self.after_be and self.describes():
            for subject in self.subjects:
                self.say_attribute(subject, token)
            self.at += 1
        elif self.is_verb_here():
            self.read_action()
        elif token.word in english.PLACE_PREPOSITIONS:
            self.read_place()
        elif (
            token.word in english.OTHER_PREPOSITIONS
            or token.word in english.AUXILIARIES
            or token.word in english.RELATIVES
        ):
            self.read_other_preposition(token)
        elif token.word == "there":
            self.at += 1
        else:
            self.read_name_as_subject()

    # What stands here

    def starts_name(self) -> bool:
        """Whether a pronoun-like word ("one") is a number before a noun here."""
        following = self.peek(1)
        return self.peek().word in english.NUMBERS and following.kind == "word" and not self.closes(following.word)

    def speaks_of_all(self) -> bool:
        following = self.peek(1).word
        return (
            following in english.BE | english.AUXILIARIES
            or english.is_verb(following)
            or english.is_participle(following)
        )

    @staticmethod
    def closes(word: str) -> bool:
        """Whether the word can't be part of a name."""
        return (
            word in english.CONJUNCTIONS or word in english.BE or word in english.AUXILIARIES or word in english.PRONOUNS
            or word in english.PLACE_PREPOSITIONS or word in english.OTHER_PREPOSITIONS or word in english.RELATIVES
            or word in english.NEGATIONS or word in english.DETERMINERS
        )  # fmt: skip

    def describes(self) -> bool:
        following = self.peek(1)
        ends = following.kind != "word" or self.closes(following.word)
        return english.is_adjective(self.peek().word) and ends and not english.is_participle(self.peek().word)

    def is_verb_here(self) -> bool:
        """Whether the word here begins a verb phrase of the current subject."""
        word, following = self.peek().word, self.peek(1)
        is_adverb = word.endswith("ly") and len(word) > 4 and not english.is_adjective(word)
        if is_adverb:
            return following.kind == "word" and (
                english.is_participle(following.word) or english.is_verb(following.word)
            )
        if english.is_participle(word):
            plain_next = (
                following.kind == "word"
                and not self.closes(following.word)
                and not english.is_participle(following.word)
            )
            bare_object = plain_next and following.word not in english.DIRECTIONS and not following.word.endswith("ly")
            return bool(self.subjects) or not bare_object
        if english.is_still_word(word) and self.subjects and (following.kind != "word" or self.closes(following.word)):
            return True
        if not self.subjects:
            return False
        previous = self.peek(-1).word if self.at else ""
        if previous in english.AUXILIARIES or previous == "n't":
            return english.is_verb(word)
        if self.after_be:
            return word.endswith(("ed", "en")) and english.is_verb(word)
        clause_goes_on = (
            self.nearest is not None or self.joined or self.peek(-1).kind == "comma" or previous in english.RELATIVES
        )
        if word.endswith("ed") and len(word) > 4 and self.nearest is not None:
            return True
        if english.is_third_person(word):
            if english.is_participle(following.word) or following.word in english.BE:
                return False
            return clause_goes_on and not (self.joined and english.is_plural(word) and self.ends_list(following))
        plural = self.subjects[-1].plural or len(self.subjects) > 1
        return plural and clause_goes_on and english.lemma(word) == word and english.is_verb(word)

    @staticmethod
    def ends_list(following: _Token) -> bool:
        return following.kind != "word" and following.word in ("", ".", ",")

    # Verbs

    def read_action(self) -> None:
        """A verb with its adverbs, directions, object and the prepositional phrases that belong to it."""
        start = self.at
        while self.peek().word.endswith("ly"):
            self.at += 1
        verb = english.lemma(self.peek().word)
        self.at += 1
        if verb in english.STATES and self.peek().relation not in ("", "on", "over"):
            self.after_be = True
            return
        end, had_object, direct = self.at, False, True
        while True:
            token, following = self.peek(), self.peek(1)
            if token.kind == "word" and self.to_direction():
                self.at += self.to_direction()
            elif token.kind == "word" and (token.word in english.DIRECTIONS or token.word.endswith("ly")):
                self.at += 1
            elif token.word in ("back", "forth", "completely", "perfectly") or (
                token.word == "and" and following.word in (english.DIRECTIONS | {"forth"})
            ):
                self.at += 1
            elif token.relation in ("on", "over") and direct:
                if self.scene_ahead():
                    break
                self.at += 1
                self.read_name()
            elif token.word in ("in", "at") and direct and following.word in ("place", "rest"):
                self.at += 2
            elif token.word in ("in", "with") and direct and self.peek(-1).word.endswith("ed"):
                self.at += 1
                self.read_name()
                direct = False
            elif token.word in english.OTHER_PREPOSITIONS - {"with", "while", "over"} or token.word == "to":
                self.at += 1
                if (
                    token.word == "to"
                    and english.is_verb(self.peek().word)
                    and self.peek().word not in english.DIRECTIONS
                ):
                    self.at += 1
                direct = True
                if self.name_here():
                    self.read_name()
                    direct = False
            elif not had_object and self.name_here():
                self.read_name()
                had_object, direct = True, False
            else:
                break
            end = self.at
        self.say_action(start, end)

    def to_direction(self) -> int:
        """How many words "to the left" takes here, 0 when it stands elsewhere."""
        words = [self.peek(i).word for i in range(4)]
        sides = ("left", "right", "top", "bottom", "side", "camera", "viewer")
        if words[0] in ("to", "toward", "towards"):
            if words[1] in ("the", "its", "their") and words[2] in sides:
                return 3
            if words[1] in sides:
                return 2
        return 0

    def scene_ahead(self) -> bool:
        place = self.at
        self.at += 1
        name = self.read_name(keep=False)
        self.at = place
        return name is not None and (name.noun in english.PLACES or name.noun in _BACKGROUND)

    def say_action(self, start: int, end: int) -> None:
        first, last = self.tokens[start], self.tokens[end - 1]
        value = self.text[first.start : last.end]
        for subject in self.subjects or [None]:
            whole = f"{subject.name} {value}" if subject else value
            self.statements.append(Statement("action", subject, value, None, whole, first.start))
        self.at, self.nearest, self.joined, self.after_be = end, None, False, False

    def say_attribute(self, thing: Thing, token: _Token) -> None:
        word = self.text[token.start : token.end]
        if thing.noun in _BACKGROUND:
            thing.adjectives.append(token.word)
            self.say_background(thing, self.text[thing.position : token.end])
        elif token.word not in thing.adjectives:
            thing.adjectives.append(token.word)
            self.statements.append(
                Statement("attribute", thing, word.lower(), None, self.text[token.start : token.end], token.start)
            )

    # Prepositions

    def read_relation(self, token: _Token) -> None:
        if token.relation in ("on", "over") and (self.scene_after_on() or not (self.nearest or self.after_be)):
            self.read_place()
            return
        self.at += 1
        subject = self.nearest if self.nearest and not self.after_be else (self.subjects[-1] if self.subjects else None)
        subjects = self.subjects if self.after_be and len(self.subjects) > 1 else [subject]
        before = list(self.subjects)
        target = self.read_name()
        if target is None:
            return
        if target.head in english.FRAME_WORDS:
            self.say_position(subject, target, self.text[token.start : self.peek(-1).end], token.start)
            return
        relation = "above" if token.relation == "over" else token.relation
        if subject is None:
            self.pending = (relation, token.start)
            self.nearest, self.subjects = target, before
            if self.peek().kind in ("comma", "word") and self.peek().word not in english.CONJUNCTIONS:
                if self.peek().kind == "comma" or self.peek().word in english.BE:
                    self.at += 1
                later = self.read_name() if self.name_here() else None
                if later:
                    self.statements.append(self.relate(later, relation, target, token))
                    self.subjects, self.nearest = [later], later
            self.pending = None
            return
        for one in subjects:
            if one is not None and one is not target:
                self.statements.append(self.relate(one, relation, target, token))
        self.subjects, self.nearest, self.after_be = before or [target], target, False

    def say_position(self, subject: Thing | None, place: Thing, phrase: str, position: int) -> None:
        """A thing's place in the frame: "on the left", "in the middle of the screen"."""
        self.forget(place)
        whole = f"{subject.name} {phrase}" if subject else phrase
        self.statements.append(Statement("scene", subject, phrase, None, whole, position))

    def relate(self, subject: Thing, relation: str, target: Thing, token: _Token) -> Statement:
        phrase = f"{subject.name} {self.text[token.start : token.end]} {target.name}"
        return Statement("relation", subject, relation, target, phrase, token.start)

    def scene_after_on(self) -> bool:
        here = self.at
        self.at += 1
        name = self.read_name(keep=False)
        self.at = here
        if name is None or name.noun in (*_BACKGROUND, *english.FRAME_WORDS) or name.head in english.POSITIONS:
            return True
        return name.noun in english.PLACES or (colour_in(name.head) is not None and not name.adjectives)

    def read_place(self) -> None:
        """ "in a park", "against a black background", "at night", "in a red coat"."""
        token = self.peek()
        self.at += 1
        subject = self.nearest or (self.subjects[-1] if self.subjects else None)
        place = self.read_name()
        if place is None:
            return
        last = self.peek(-1).end
        phrase = self.text[token.start : last]
        if place.noun in (*_BACKGROUND, "foreground"):
            self.say_background(place, phrase)
        elif place.head in english.POSITIONS | english.FRAME_WORDS:
            self.say_position(subject, place, phrase, token.start)
        elif token.word == "on" and colour_in(place.head) and not place.adjectives:
            self.forget(place)
            self.statements.append(Statement("scene", None, f"{place.head} background", None, phrase, token.start))
        elif place.head in english.CLOTHES and self.nearest is not None and self.subjects:
            self.statements.append(Statement("attribute", self.subjects[-1], phrase, None, phrase, token.start))
        else:
            self.mark_scene(place)
            self.statements.append(Statement("scene", None, phrase, None, phrase, token.start))
        self.nearest = place if place in self.things else None

    def say_background(self, place: Thing, phrase: str) -> None:
        self.forget(place)
        if place.adjectives:
            value = f"{' '.join(place.adjectives)} {place.head}"
            self.statements.append(Statement("scene", None, value, None, phrase, place.position))

    def read_other_preposition(self, token: _Token) -> None:
        self.at += 1
        if token.word in english.RELATIVES and self.nearest:
            self.subjects = [self.nearest]
        owner = self.nearest or (self.subjects[-1] if self.subjects else None)
        if token.word == "with" and self.name_here():
            part = self.read_name()
            if part and part.noun in _BACKGROUND:
                self.say_background(part, part.phrase)
            elif part and self.peek().word == "in" and self.background_follows():
                pass
            elif part and owner:
                self.forget(part)
                value = self.text[token.start : self.peek(-1).end]
                self.statements.append(Statement("attribute", owner, value, None, value, token.start))
                self.nearest = None
        elif (
            token.word in ("of", "from", "into", "through", "across", "by", "near", "around", "between")
            and self.name_here()
        ):
            part = self.read_name()
            if part and token.word in ("through", "across", "near", "around"):
                value = self.text[token.start : self.peek(-1).end]
                self.mark_scene(part)
                self.statements.append(Statement("scene", None, value, None, value, token.start))

    def background_follows(self) -> bool:
        skip = 2 if self.peek(1).word == "the" else 1
        if self.peek(skip).word in (*_BACKGROUND, "distance", "foreground"):
            self.at += skip + 1
            return True
        return False

    def skip_negated(self) -> None:
        self.at += 1
        if self.peek(-1).word in english.NOBODY:
            while self.peek().kind not in ("stop", "comma"):
                self.at += 1
        elif english.lemma(self.peek().word) == "move":
            for subject in self.subjects:
                phrase = f"{subject.name} {self.peek(-1).word} {self.peek().word}"
                self.statements.append(Statement("action", subject, "staying still", None, phrase, self.peek().start))
            self.at += 1
        elif self.name_here() or english.is_participle(self.peek().word):
            self.read_name(keep=False)

    # Names

    def name_here(self) -> bool:
        token = self.peek()
        if token.kind != "word":
            return False
        if token.word in english.DETERMINERS or self.starts_name():
            return True
        return not self.closes(token.word) and not english.is_participle(token.word)

    def read_name_as_subject(self) -> None:
        joined, verb_list = self.joined and bool(self.subjects), self.peek(-1).kind == "comma" and self.at > 0
        before, position = self.subjects, len(self.statements)
        self.listing = joined
        thing = self.read_name()
        self.joined, self.after_be, self.listing = False, False, False
        if thing is None:
            return
        if thing.noun in _BACKGROUND:
            if thing.adjectives:
                self.say_background(thing, thing.phrase)
            self.subjects, self.nearest = [thing], thing
            return
        says_where = thing.head in english.TIMES_AND_WEATHER or (thing.head in english.PLACES and verb_list)
        if says_where and not thing.determiner and self.peek().kind not in ("word", "relation"):
            self.mark_scene(thing)
            self.statements.append(Statement("scene", None, thing.phrase, None, thing.phrase, thing.position))
            return
        group = joined and position == len(self.statements) - len(thing.adjectives) and not self.acted(before)
        self.subjects = [*before, thing] if group and thing not in before else [thing]
        if len(self.subjects) > 1 and english.is_third_person(self.peek().word):
            self.subjects = [thing]
        self.nearest = thing
        if self.peek().relation or self.peek().word in english.BE:
            self.subjects = [thing] if self.peek().word in ("is", "was") or self.peek().relation else self.subjects

    def acted(self, things: list[Thing]) -> bool:
        return any(s.kind in ("action", "relation") and s.subject in things for s in self.statements)

    def read_name(self, keep: bool = True) -> Thing | None:
        """The noun phrase that starts here, as the thing it names: a new one, or one that was named before."""
        start, determiner, count = self.at, "", None
        token = self.peek()
        while token.kind == "word":
            if token.word in english.DETERMINERS and self.at - start < 3:
                determiner = determiner or token.word
            elif token.word in english.NUMBERS and self.peek(1).kind == "word" and not self.closes(self.peek(1).word):
                count = english.NUMBERS[token.word]
            elif (
                token.word.isdecimal()
                and len(token.word) < 3
                and self.peek(1).kind == "word"
                and self.peek(1).word[:4] != "year"
            ):
                count = int(token.word)
            elif token.word in english.GROUPS and self.peek(1).word == "of":
                count, determiner = english.GROUPS[token.word], "group"
                self.at += 1
            else:
                break
            self.at += 1
            token = self.peek()
        first = self.at
        adjectives: list[_Token] = []
        words: list[_Token] = []
        while self.continues_name(words, adjectives):
            token = self.peek()
            if token.word in ("and", ","):
                self.at += 1
                continue
            following = self.peek(1)
            last_word = following.kind != "word" or self.closes(following.word)
            describing = (
                english.is_adjective(token.word) or english.is_participle(token.word) or token.word.endswith("-")
            )
            if describing and not words and not last_word:
                adjectives.append(token)
            else:
                words.append(token)
            self.at += 1
        if not words and adjectives:
            words = [adjectives.pop()]
        if not words:
            self.at = max(self.at, first)
            return self.refer(determiner) if self.at > start else None
        end = words[-1].end
        head = words[-1].word
        plural = english.is_plural(head) or (count or 1) > 1
        thing = Thing(
            head=head,
            noun=english.noun(head),
            name=self.text[self.first_of_name(first, end) : end],
            phrase=self.text[self.tokens[start].start : end],
            position=self.tokens[start].start,
            determiner=determiner,
            count=count if count is not None else (1 if determiner in ("a", "an", "another") else None),
            plural=plural,
        )
        return self.remember(thing, adjectives, keep)

    def first_of_name(self, first: int, end: int) -> int:
        """Where a name begins once leading words of motion ("a still", "a moving") are left out."""
        while self.says_motion(self.tokens[first].word) and self.tokens[first].end < end:
            first += 1
        return self.tokens[first].start

    @staticmethod
    def says_motion(word: str) -> bool:
        return english.is_still_word(word) or word == "moving"

    def continues_name(self, words: list[_Token], adjectives: list[_Token]) -> bool:
        token, following = self.peek(), self.peek(1)
        if len(words) + len(adjectives) >= _MAX_WORDS_IN_A_NAME:
            return False
        if token.word in ("and", ","):
            return bool(
                adjectives and not words and following.kind == "word"
                and english.is_adjective(following.word) and not self.closes(following.word)
                and self.peek(2).kind == "word" and not self.closes(self.peek(2).word)
            )  # fmt: skip
        if token.kind != "word" or self.closes(token.word):
            return False
        if not words:
            return True
        if token.word in english.DIRECTIONS or english.is_still_word(token.word):
            return False
        if token.word.endswith("ly") and len(token.word) > 4:
            return False
        if english.is_participle(token.word):
            return False
        if token.word.endswith("ed") and (following.kind != "word" or self.closes(following.word)):
            return False
        if english.is_third_person(token.word) and token.word not in english.PLACES:
            return False
        base_verb = english.lemma(token.word) == token.word and english.is_verb(token.word)
        leads_on = following.kind != "word" or self.closes(following.word) or following.word in english.DIRECTIONS
        plural = english.is_plural(words[-1].word) or (self.listing and (leads_on or following.word.endswith("ly")))
        return not (plural and base_verb)

    def refer(self, determiner: str) -> Thing | None:
        """ "the" or "its" without a noun means whoever was spoken of."""
        return self.subjects[-1] if determiner and self.subjects and determiner != "a" else None

    def remember(self, thing: Thing, adjectives: list[_Token], keep: bool) -> Thing:
        asked = [token.word for token in adjectives]
        thing.adjectives = [*asked]
        if not keep or thing.head.isdecimal():
            return thing
        known = self.known(thing)
        if known:
            for token in adjectives:
                if token.word not in known.adjectives:
                    self.say_attribute(known, token)
            if known.count is None:
                known.count = thing.count if not known.plural else None
            return known
        self.things.append(thing)
        thing.adjectives = []
        for token in adjectives:
            if self.says_motion(token.word):
                value = self.text[token.start : token.end]
                self.statements.append(Statement("action", thing, value, None, thing.phrase, token.start))
            elif thing.noun in _BACKGROUND:
                thing.adjectives.append(token.word)
            elif token.word not in ("identical", "different", "first", "second", "third", "main"):
                self.say_attribute(thing, token)
        return thing

    def known(self, thing: Thing) -> Thing | None:
        """The thing named before that this mention means."""
        for other in reversed(self.things):
            same_noun = other.noun == thing.noun or (thing.noun in ("one", "shape") and thing.adjectives)
            if not same_noun:
                continue
            if thing.colour and other.colour and thing.colour != other.colour:
                continue
            if thing.count and other.count and thing.count != other.count and thing.determiner not in ("the", "both"):
                continue
            if thing.determiner in ("the", "its", "both", "this", "that", "his", "her", "their"):
                return other
            if sorted(thing.adjectives) == sorted(other.adjectives) and thing.determiner not in ("another",):
                return other
        return None

    def forget(self, thing: Thing) -> None:
        """Takes back a thing that turned out to be a place, a part or a background."""
        if thing in self.things and not self.acted([thing]):
            self.things.remove(thing)
            self.statements = [s for s in self.statements if s.subject is not thing]

    def mark_scene(self, thing: Thing) -> None:
        if not self.acted([thing]) and thing in self.things and thing not in self.subjects:
            thing.is_scene = True
            self.statements = [s for s in self.statements if not (s.subject is thing and s.kind == "attribute")]
