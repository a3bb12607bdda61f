"""Word classes of English for the rule-made checklist: closed classes in full, open ones by lists and endings."""

from functools import lru_cache

import simplemma

from feedback.lexicon import colour_in, shape_in


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DETERMINERS = _set(
    "a an the this that these those some any each every both all another his her its their my your our several many few"
)
PRONOUNS = _set("it he she they them him itself himself herself themselves one ones")
NOBODY = _set("nothing nobody none")
NEGATIONS = NOBODY | _set("no without not never doesn't don't isn't aren't")
BE = _set("is are was were be being been am it's they're he's she's there's that's")
AUXILIARIES = _set("has have had do does did will would can could may might must should to")
CONJUNCTIONS = _set("and or but while as whereas then plus & when")
RELATIVES = _set("who which that whose where")
PLACE_PREPOSITIONS = _set("in at inside within against amid amidst among during on upon outside")
OTHER_PREPOSITIONS = _set(
    "of with by from into onto through across along around toward towards off out up down for about after before "
    "like via past between until near over"
)
ADDITIONS = _set("too also")
CLOSED = (
    CONJUNCTIONS
    | BE
    | AUXILIARIES
    | PRONOUNS
    | PLACE_PREPOSITIONS
    | OTHER_PREPOSITIONS
    | RELATIVES
    | NEGATIONS
    | DETERMINERS
    | ADDITIONS
)
"""Words that can't be part of a name."""
DIRECTIONS = _set(
    "left right up down upward upwards downward downwards leftward leftwards rightward rightwards forward "
    "forwards backward backwards away back skyward still together apart put"
)
NUMBERS = {"one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
           "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}  # fmt: skip
EMPHASES = _set("exactly precisely only just")
"""Words that may stand before a number."""
GROUPS: dict[str, int | None] = {"pair": 2, "couple": 2, "duo": 2, "trio": 3, "dozen": 12} | dict.fromkeys(
    _set("lot lots bunch number group crowd herd flock pile bowl cup glass plate bottle piece")
)
"""Words that count or gather what follows their "of"; None where they give no number."""

CLOTHES = _set(
    "coat hat dress suit shirt jacket robe sweater turtleneck uniform wear glasses sunglasses boots shoes scarf "
    "gown jeans costume hoodie kimono apron cap helmet armor armour sari skirt trousers pants cloak swimsuit "
    "bikini"
)
PLACES = _set(
    "beach street road park forest city kitchen room garden field mountain mountains desert ocean sea lake river "
    "cafe café restaurant stage space sky studio grass snow ground floor lawn shore sidewalk bridge hill "
    "mountainside meadow farm island village town market office library school classroom class bay harbor harbour "
    "highway track trail path court pool rooftop balcony valley countryside jungle yard alley sand coast planet "
    "moon"
)
TIMES_AND_WEATHER = _set(
    "sunset sunrise dawn dusk night nighttime daytime noon midday twilight morning evening afternoon day winter "
    "summer spring autumn rain rainy snowstorm storm fog mist"
)
MASS_NOUNS = _set(
    "water snow rain coffee tea grass light lightning smoke fire sand food traffic fog mist steam sunlight hair "
    "fur milk bread music dust ice wood metal glass paper furniture people scissors skis"
)
BACKGROUND = _set("background backdrop")
POSITIONS = _set("left right center centre middle top bottom corner side")
STATES = _set("sit stand lie rest remain stay hover float appear")
"""Verbs that only say that a thing is where it is."""
FRAME_WORDS = _set("frame screen image video picture shot scene view footage clip animation quality resolution camera")

SPEEDS = _set("fast faster quick quicker slow slower")
"""Adverbs of a motion that do not end in -ly."""

_STILL = _set("still stationary motionless static unmoving immobile")
_NOUNS_IN_ING = _set(
    "building lightning ring king evening morning painting string wing spring ceiling clothing wedding thing "
    "something nothing everything anything during sibling duckling pudding railing earring sling swing drawing "
    "icing sterling beijing lighting crossing sing bring setting"
)
_ADJECTIVES = _set(
    "big large huge giant gigantic enormous massive small little tiny miniature mini tall short long wide narrow "
    "thin thick fat slim high low deep shallow wooden metal metallic plastic stone glass golden leather brick "
    "rubber paper steel iron wool woolen marble striped spotted checkered plain solid dotted patterned shiny "
    "glossy matte fluffy furry hairy soft hard smooth rough wet dry hot cold warm cool new old young elderly "
    "ancient modern vintage rustic medieval futuristic baby adult happy sad angry cute adorable pretty handsome "
    "lovely ugly scary creepy friendly lonely sleepy calm quiet serene tranquil peaceful busy crowded empty full "
    "open closed broken clean dirty fresh ripe raw bright dark dim light pale vivid vibrant neon sunny cloudy "
    "rainy snowy foggy misty stormy windy rocky sandy grassy icy dusty muddy transparent clear opaque fast slow "
    "quick wild tame round oval flat curved sharp heavy fancy elegant formal casual traditional majestic magical "
    "mysterious epic grand royal rich poor strong weak brave fit bare blonde blond curly bald lush dense distant "
    "northern southern eastern western urban rural tropical arctic human semi invisible identical different main "
    "lone vast steep weathered cosy cozy tidy messy sweet spicy delicious white-haired red-haired moving still "
    "stationary motionless static immobile first second third"
)
_ADJECTIVE_ENDINGS = (
    "ful",
    "ous",
    "less",
    "ish",
    "able",
    "ible",
    "ical",
    "like",
    "ed",
    "esque",
    "-colored",
    "-coloured",
)
_VERBS = _set(
    "move slide drift glide roll travel shift fly float go head run walk drive race rush dash swim crawl ride "
    "push pull come rise fall descend ascend climb sink drop lift stay stand sit remain keep hold hang rest "
    "bounce spin rotate turn twist swing shake jump leap hop dance sing play eat drink read write draw paint cook "
    "cut chop pour fill empty throw catch kick hit toss wave clap smile laugh cry talk speak shout look watch "
    "stare gaze see wear carry bring take give put place open close build break crash explode burn melt freeze "
    "grow bloom blow flow splash drip rain snow shine glow sparkle flicker flash illuminate cover surround fill "
    "cross pass enter leave arrive approach chase follow lead fight hug kiss sleep wake lie lean kneel bend "
    "stretch work study type clean wash brush sweep fix feed pet groom graze hunt bark meow roar howl nod blink "
    "wink point reach touch grab pick drag dig plant water harvest perform practice exercise train lap crash sail "
    "row surf ski skate dive soar hover circle orbit land take pan zoom tilt appear disappear vanish emerge "
    "transform change become gallop trot march stroll wander hike jog sprint sway flutter flap twirl whirl swirl "
    "tumble slither stir mix bake grill fry slice peel serve taste sip chew bite lick sniff smell listen hear "
    "record film photograph show display contain feature include meet gather join share celebrate relax meditate "
    "pray knit sew iron fold pack load unload accelerate slow stop start begin strike erupt overlook frame "
    "reflect rock"
)


def is_still_word(word: str) -> bool:
    """Whether the word alone says that a thing does not move."""
    return word in _STILL


@lru_cache(maxsize=20_000)
def lemma(word: str) -> str:
    """The dictionary form of one word, lower case: "boxes" gives "box", "rising" gives "rise"."""
    word = word.lower()
    if not word:
        return word
    found = simplemma.lemmatize(word, lang="en").lower()
    return word[:-1] if found == word and _ends_like_plural(word) else found


def is_adjective(word: str) -> bool:
    """Whether the word, standing before a noun, describes it rather than being part of its name."""
    if word in _ADJECTIVES or colour_in(word):
        return True
    return len(word) > 5 and word.endswith(_ADJECTIVE_ENDINGS)


def is_participle(word: str) -> bool:
    """Whether the word is a verb's -ing form."""
    return len(word) > 4 and word.endswith("ing") and word not in _NOUNS_IN_ING


def is_verb(word: str) -> bool:
    """Whether the word can be a finite verb: "rises", "moves", "stand"."""
    return lemma(word) in _VERBS


def is_third_person(word: str) -> bool:
    """Whether the word can be a finite verb of a singular subject."""
    return word.endswith("s") and lemma(word) in _VERBS and lemma(word) != word


def is_plural(word: str) -> bool:
    """Whether the noun is plural."""
    return word in ("people", "men", "women", "children") or _ends_like_plural(word)


def noun(word: str) -> str:
    """The canonical form of a head noun: the shape that it names, else its lemma."""
    return shape_in(word) or lemma(word)


def _ends_like_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))
