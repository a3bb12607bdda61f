"""Reads a prompt by rules: which things it names, what they are like, what they do and where they stand.

A shallow reading of English, made for prompts: short clauses, noun phrases, participles, lists of style words. Text
that it does not understand comes out as things named by their words, never as an error.
"""

from feedback import english
from feedback.lexicon import colour_in
from feedback.prompt_names import NameReader
from feedback.prompt_reading import Reading, Statement, Thing
from feedback.prompt_tokens import Token, split_prompt


def read_prompt(prompt: str) -> Reading:
    """Things and statements of a prompt, in the order of the text; both empty when it has no words."""
    text, tokens, looks = split_prompt(prompt)
    reader = _ClauseReader(text, tokens)
    reader.read()
    statements = [Statement(look.kind, None, look.value, None, look.phrase, look.position) for look in looks]
    statements += reader.statements
    return Reading(reader.things, sorted(statements, key=lambda statement: statement.position), reader.denied)


class _ClauseReader(NameReader):
    """One pass over the tokens: who does what, and what stands where."""

    def __init__(self, text: str, tokens: list[Token]):
        super().__init__(text, tokens)
        self.nearest: Thing | None = None
        """The noun phrase right before this token."""
        self.joined = False
        """Whether "and" stands between the last noun phrase and this token."""
        self.after_be = False
        """Whether a form of "be" has just linked the subject to what comes."""
        self.denied: list[Thing] = []

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

    def speaks_of_all(self) -> bool:
        following = self.peek(1).word
        return (
            following in english.BE | english.AUXILIARIES
            or english.is_verb(following)
            or english.is_participle(following)
        )

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
            self.nearest is not None
            or self.joined
            or self.peek(-1).kind == "comma"
            or previous in english.RELATIVES
            or previous == "then"
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
    def ends_list(following: Token) -> bool:
        return following.kind != "word" and following.word in ("", ".", ",")

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
            elif token.word in ("and", "then") and (further := self.then_direction()):
                self.at += further
            elif (
                (token.kind == "word" and (token.word in english.DIRECTIONS or token.word.endswith("ly")))
                or token.word in ("back", "forth", "completely", "perfectly")
                or (token.word in english.SPEEDS and self.leads_on(following))
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

    def leads_on(self, following: Token) -> bool:
        """Whether an adverb may stand before this token: a direction, or what can't be its noun."""
        return following.kind != "word" or self.closes(following.word) or following.word in english.DIRECTIONS

    def then_direction(self) -> int:
        """How many words "and right" or "then to the right" takes here, 0 when no direction follows."""
        here, skipped = self.at, 2 if self.peek(1).word == "then" else 1
        self.at += skipped
        direction = self.to_direction() or int(self.peek().word in (english.DIRECTIONS | {"forth"}))
        self.at = here
        return skipped + direction if direction else 0

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
        return name is not None and (name.noun in english.PLACES or name.noun in english.BACKGROUND)

    def say_action(self, start: int, end: int) -> None:
        first, last = self.tokens[start], self.tokens[end - 1]
        value = self.text[first.start : last.end]
        for subject in self.subjects or [None]:
            whole = f"{subject.name} {value}" if subject else value
            self.statements.append(Statement("action", subject, value, None, whole, first.start))
        self.at, self.nearest, self.joined, self.after_be = end, None, False, False

    def read_relation(self, token: Token) -> None:
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
            self.nearest, self.subjects = target, before
            if self.peek().kind in ("comma", "word") and self.peek().word not in english.CONJUNCTIONS:
                if self.peek().kind == "comma" or self.peek().word in english.BE:
                    self.at += 1
                later = self.read_name() if self.name_here() else None
                if later:
                    self.statements.append(self.relate(later, relation, target, token))
                    self.subjects, self.nearest = [later], later
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

    def relate(self, subject: Thing, relation: str, target: Thing, token: Token) -> Statement:
        phrase = f"{subject.name} {self.text[token.start : token.end]} {target.name}"
        return Statement("relation", subject, relation, target, phrase, token.start)

    def scene_after_on(self) -> bool:
        here = self.at
        self.at += 1
        name = self.read_name(keep=False)
        self.at = here
        if name is None or name.noun in (*english.BACKGROUND, *english.FRAME_WORDS) or name.head in english.POSITIONS:
            return True
        return name.noun in english.PLACES or (colour_in(name.head) is not None and not name.adjectives)

    def read_place(self) -> None:
        """Phrases like "in a park", "against a black background", "at night", "in a red coat"."""
        token = self.peek()
        self.at += 1
        subject = self.nearest or (self.subjects[-1] if self.subjects else None)
        place = self.read_name()
        if place is None or place.head.isdecimal():
            return
        last = self.peek(-1).end
        phrase = self.text[token.start : last]
        if place.noun in (*english.BACKGROUND, "foreground"):
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

    def read_other_preposition(self, token: Token) -> None:
        self.at += 1
        if token.word in english.RELATIVES and self.nearest:
            self.subjects = [self.nearest]
        owner = self.nearest or (self.subjects[-1] if self.subjects else None)
        if token.word == "with" and self.name_here():
            part = self.read_name()
            if part and part.noun in english.BACKGROUND:
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
            if part and token.word == "of" and owner and owner.head in english.FRAME_WORDS:
                self.subjects, self.nearest = [part], part
            elif part and token.word in ("through", "across", "near", "around"):
                value = self.text[token.start : self.peek(-1).end]
                self.mark_scene(part)
                self.statements.append(Statement("scene", None, value, None, value, token.start))

    def background_follows(self) -> bool:
        skip = 2 if self.peek(1).word == "the" else 1
        if self.peek(skip).word in (*english.BACKGROUND, "distance", "foreground"):
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
        elif (self.name_here() or english.is_participle(self.peek().word)) and (name := self.read_name(keep=False)):
            self.denied.append(name)

    def read_name_as_subject(self) -> None:
        joined, verb_list = self.joined and bool(self.subjects), self.peek(-1).kind == "comma" and self.at > 0
        before, position = self.subjects, len(self.statements)
        self.listing = joined
        thing = self.read_name()
        self.joined, self.after_be, self.listing = False, False, False
        if thing is None:
            return
        if thing.noun in english.BACKGROUND:
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
