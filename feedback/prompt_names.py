"""Reads noun phrases, and remembers what they name."""

from feedback import english
from feedback.prompt_reading import Statement, Thing
from feedback.prompt_tokens import Token

_MAX_WORDS_IN_A_NAME = 6


class NameReader:
    """Steps through tokens and gathers the things that noun phrases name, each once."""

    def __init__(self, text: str, tokens: list[Token]):
        self.text, self.tokens, self.at = text, tokens, 0
        self.things: list[Thing] = []
        self.statements: list[Statement] = []
        self.subjects: list[Thing] = []
        """Whom the next verb is about."""
        self.listing = False
        """Whether the name being read follows "and", so that a plural verb may follow it."""

    def peek(self, ahead: int = 0) -> Token:
        """The token so many places ahead of this one; a stop beyond either end."""
        place = self.at + ahead
        if 0 <= place < len(self.tokens):
            return self.tokens[place]
        return Token("stop", "", "", len(self.text), len(self.text))

    @staticmethod
    def closes(word: str) -> bool:
        """Whether the word can't be part of a name."""
        return word in english.CLOSED

    def starts_name(self) -> bool:
        """Whether a pronoun-like word ("one") is a number before a noun here."""
        following = self.peek(1)
        return self.peek().word in english.NUMBERS and following.kind == "word" and not self.closes(following.word)

    def name_here(self) -> bool:
        """Whether a noun phrase starts here."""
        token = self.peek()
        if token.kind != "word":
            return False
        if token.word in english.DETERMINERS or self.starts_name():
            return True
        return not self.closes(token.word) and not english.is_participle(token.word)

    def read_name(self, keep: bool = True) -> Thing | None:
        """The noun phrase that starts here, as the thing it names: a new one, or one that was named before."""
        start = self.at
        determiner, count = self.quantifier()
        first = self.at
        adjectives, words = self.describing_words()
        if not words:
            return self.refer(determiner) if self.at > start else None
        head, end = words[-1].word, words[-1].end
        thing = Thing(
            head=head,
            noun=english.noun(head),
            name=self.text[self.first_of_name(first, end) : end],
            phrase=self.text[self.tokens[start].start : end],
            position=self.tokens[start].start,
            determiner=determiner,
            count=count if count is not None else (1 if determiner in ("a", "an", "another") else None),
            plural=english.is_plural(head) or (count or 1) > 1,
        )
        return self.remember(thing, adjectives) if keep and not head.isdecimal() else self.described(thing, adjectives)

    def quantifier(self) -> tuple[str, int | None]:
        """Steps over determiners and numbers: the first determiner, and the number if there is one."""
        start, determiner, count = self.at, "", None
        counting = english.DETERMINERS | english.NUMBERS.keys()
        while (token := self.peek()).kind == "word":
            following = self.peek(1)
            noun_follows = following.kind == "word" and not self.closes(following.word)
            if token.word in english.DETERMINERS and self.at - start < 3:
                determiner = determiner or token.word
            elif token.word in english.NUMBERS and noun_follows:
                count = english.NUMBERS[token.word]
            elif token.word.isdecimal() and len(token.word) < 3 and noun_follows and following.word[:4] != "year":
                count = int(token.word)
            elif token.word in english.EMPHASES and (following.word in counting or following.word.isdecimal()):
                pass
            elif token.word in english.GROUPS and following.word == "of":
                count, determiner = english.GROUPS[token.word], "group"
                self.at += 1
            else:
                break
            self.at += 1
        return determiner, count

    def describing_words(self) -> tuple[list[Token], list[Token]]:
        """Steps over a name: the adjectives before it, and its words; the last of those is its head."""
        adjectives: list[Token] = []
        words: list[Token] = []
        while self.continues_name(words, adjectives):
            token, following = self.peek(), self.peek(1)
            self.at += 1
            if token.word in ("and", ","):
                continue
            ends_here = following.kind != "word" or self.closes(following.word)
            is_last = ends_here and not self.joins_adjectives()
            describes = english.is_adjective(token.word) or english.is_participle(token.word)
            (adjectives if describes and not words and not is_last else words).append(token)
        if not words and adjectives:
            words = [adjectives.pop()]
        return adjectives, words

    def continues_name(self, words: list[Token], adjectives: list[Token]) -> bool:
        """Whether the token here belongs to the name whose adjectives and words were read so far."""
        token, following = self.peek(), self.peek(1)
        if len(words) + len(adjectives) >= _MAX_WORDS_IN_A_NAME:
            return False
        if token.word in ("and", ","):
            return bool(adjectives) and not words and self.joins_adjectives()
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

    def joins_adjectives(self) -> bool:
        """Whether an "and" or a comma stands here before another adjective and its noun: "red and blue circle"."""
        joint, adjective, named = self.peek(), self.peek(1), self.peek(2)
        return (
            joint.word in ("and", ",") and adjective.kind == named.kind == "word"
            and english.is_adjective(adjective.word)
            and not self.closes(adjective.word) and not self.closes(named.word)
        )  # fmt: skip

    def first_of_name(self, first: int, end: int) -> int:
        """Where a name begins once leading words of motion ("a still", "a moving") are left out."""
        while self.tokens[first].end < end and (
            self.says_motion(self.tokens[first].word) or self.tokens[first].word in ("and", ",")
        ):
            first += 1
        return self.tokens[first].start

    @staticmethod
    def says_motion(word: str) -> bool:
        """Whether an adjective says how a thing moves, not what it is like."""
        return english.is_still_word(word) or word == "moving"

    @staticmethod
    def described(thing: Thing, adjectives: list[Token]) -> Thing:
        """The thing with these adjectives."""
        thing.adjectives = [token.word for token in adjectives]
        return thing

    def refer(self, determiner: str) -> Thing | None:
        """Whoever was spoken of, for "the" or "its" without a noun."""
        return self.subjects[-1] if determiner and self.subjects and determiner != "a" else None

    def remember(self, thing: Thing, adjectives: list[Token]) -> Thing:
        """The thing itself when it is new, else the one that was named before; says its adjectives of it."""
        known = self.known(self.described(thing, adjectives))
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
            elif thing.noun in english.BACKGROUND:
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

    def say_attribute(self, thing: Thing, token: Token) -> None:
        """States what a thing is like; of the background, what the scene is."""
        word = self.text[token.start : token.end]
        if thing.noun in english.BACKGROUND:
            thing.adjectives.append(token.word)
            self.say_background(thing, self.text[thing.position : token.end])
        elif token.word not in thing.adjectives:
            thing.adjectives.append(token.word)
            self.statements.append(Statement("attribute", thing, word.lower(), None, word, token.start))

    def say_background(self, place: Thing, phrase: str) -> None:
        """States what the background is like."""
        self.forget(place)
        if place.adjectives:
            value = f"{' '.join(place.adjectives)} {place.head}"
            self.statements.append(Statement("scene", None, value, None, phrase, place.position))

    def forget(self, thing: Thing) -> None:
        """Takes back a thing that turned out to be a place, a part or a background."""
        if thing in self.things and not self.acted([thing]):
            self.things.remove(thing)
            self.statements = [s for s in self.statements if s.subject is not thing]

    def mark_scene(self, thing: Thing) -> None:
        """Notes that a thing only says where."""
        if not self.acted([thing]) and thing in self.things and thing not in self.subjects:
            thing.is_scene = True
            self.statements = [s for s in self.statements if not (s.subject is thing and s.kind == "attribute")]

    def acted(self, things: list[Thing]) -> bool:
        """Whether any of the things was said to do something or to stand somewhere."""
        return any(s.kind in ("action", "relation") and s.subject in things for s in self.statements)
