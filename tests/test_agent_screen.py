import random
import string
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.screen import Screened, screen_text
from agent.screen_rules import find_nonsense, find_refusal
from feedback.checklist import make_checklist, missing_concepts

PROMPT = "two red circles move left above a blue square"
CHECKLIST = make_checklist(PROMPT)
FAITHFUL = "On a plain background, two red circles glide to the left above a blue square."


def count_words(text: str) -> int:
    return len(text.split())


def screen(
    text: str,
    *,
    limit: int | None = None,
    words: int | None = None,
    language: str = "",
    triggers: Sequence[str] = (),
) -> Screened:
    return screen_text(
        text,
        prompt=PROMPT,
        checklist=CHECKLIST,
        token_count=count_words,
        token_limit=limit,
        word_limit=words,
        language=language,
        trigger_words=triggers,
    )


def rules_of(screened: Screened) -> list[str]:
    return [finding.rule for finding in screened.findings]


def test_a_faithful_text_passes_untouched() -> None:
    assert screen(FAITHFUL) == Screened(text=FAITHFUL)


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "…", "***"])
def test_an_empty_text_is_dropped(text: str) -> None:
    assert (screen(text).dropped or "").startswith("empty")


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m really sorry, but this request is not something I can do.",
        "I cannot create a prompt about two red circles above a blue square.",
        "As an AI language model, I see two red circles move left above a blue square.",
        f"{FAITHFUL} This goes against our content policy.",
        "抱歉，我无法生成这样的内容。",
        "Lo siento, no puedo ayudar con eso.",
    ],
)
def test_a_refusal_is_dropped(text: str) -> None:
    screened = screen(text)
    assert (screened.dropped or "").startswith("refusal")
    assert "refusal" in rules_of(screened)


@pytest.mark.parametrize(
    "text",
    [
        "A man says I'm sorry to a woman",
        "A robot as an AI overlord",
        "Sorry faces of two children",
        "I love my dog, he can't swim",
    ],
)
def test_people_who_apologise_in_the_picture_are_no_refusal(text: str) -> None:
    assert find_refusal(text) is None


def test_a_prompt_that_talks_like_that_excuses_its_rewrites() -> None:
    prompt = "I'm sorry, says the clown"
    assert find_refusal("I'm sorry, says the sad clown in the rain", prompt) is None


@pytest.mark.parametrize(
    "wrapped",
    [
        "Here is the rewritten prompt: {}",
        "Sure! Here's an improved version of your prompt:\n\n{}",
        "**Rewritten Prompt:** {}",
        "Prompt: “{}”",
        '"{}"',
        "```\n{}\n```",
        '```json\n{{"rewrite": "{}", "rationale": "clearer"}}\n```',
        '{{"prompt": "{}"}}',
        "<|im_start|>assistant\n{}<|im_end|>",
        "<think>They want circles.</think>\n{}",
        "{}\n\nNote: I kept the counts.",
        "{} Let me know if you want changes!",
        "## {}",
        "- **{}**",
        "{}\u200b\x07",
        "提示词：{}",
    ],
)
def test_what_a_model_wraps_around_a_text_is_taken_off(wrapped: str) -> None:
    raw = wrapped.format(FAITHFUL)
    screened = screen(raw)
    assert screened.text == FAITHFUL
    assert screened.dropped is None
    assert screened.raw_text == raw


def test_json_that_holds_no_text_is_dropped() -> None:
    assert (screen(f'{{"scene": "{FAITHFUL}"}}').dropped or "").startswith("leak")


def test_both_texts_are_kept_and_what_was_mended_is_told() -> None:
    screened = screen(f'Here is the prompt: "{FAITHFUL}"')
    assert rules_of(screened) == ["preamble", "quotes"]


@pytest.mark.parametrize(
    "text",
    [
        "asdkj qwlkej zxmcn alskdj qpwoe zmxnc lkjas",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "red circles, red circles, red circles, red circles, red circles",
        "x#$%^ @@!! ((&&)) <<>> ~~~ ]][[",
        "the " * 40,
        "q" + "xyzw" * 15,
    ],
)
def test_nonsense_is_dropped(text: str) -> None:
    assert (screen(text).dropped or "").startswith("nonsense")


def test_random_letters_are_told_from_language() -> None:
    draw = random.Random(0)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in range(2000)]
    texts = [" ".join(words[start : start + 20]) for start in range(0, 2000, 20)]
    assert sum(find_nonsense(text) is not None for text in texts) >= 95


@pytest.mark.parametrize(
    "text",
    [
        "El zorro curioso se acerca al nido de un cuervo",
        "Ein Fuchs schleicht durch den verschneiten Wald bei Nacht",
        "Ein Junge springt jauchzend in den See, Spritzer glitzern im Sonnenlicht",
        "Chrząszcz brzmi w trzcinie w Szczebrzeszynie",
        "Một con mèo đen đang ngồi trên mái nhà dưới ánh trăng",
        "Wściekły pies biegnie przez zaśnieżone pole o świcie",
        "Крокодил идёт по берегу реки на закате",
        "一只红色的狐狸在雪地里奔跑",
        "قطة تمشي على الشاطئ عند الغروب",
        "virat kohli hitting 2 sixes continuously in rcb",
        "a very, very, very big dog",
        "Ramen flying over Mt. Fuji",
    ],
)
def test_names_and_other_languages_are_no_nonsense(text: str) -> None:
    assert find_nonsense(text) is None


def test_a_lost_thing_is_added_in_the_persons_words() -> None:
    screened = screen("Two red circles glide to the left above a square on a plain background.")
    assert screened.dropped is None
    assert "blue square" in screened.text
    assert {"intent"} <= set(rules_of(screened))
    assert missing_concepts(CHECKLIST, screened.text) == []


def test_a_lost_attribute_is_added_with_what_it_is_an_attribute_of() -> None:
    prompt = "a wooden boat and an old lighthouse"
    screened = screen_text("A boat and an old lighthouse.", prompt=prompt, checklist=make_checklist(prompt))
    assert screened.dropped is None
    assert screened.text == "A boat and an old lighthouse. Wooden boat."


def test_a_lost_count_is_named_as_such() -> None:
    checklist = make_checklist("three dogs run on a beach")
    text = "Some dogs run along a sunny beach."
    screened = screen_text(text, prompt="three dogs run on a beach", checklist=checklist)
    assert "count" in rules_of(screened)
    assert screened.dropped is None
    assert "three dogs" in screened.text.lower()


def test_a_text_about_something_else_is_dropped_as_unfaithful() -> None:
    screened = screen("A green frog sits on a lily pad in a pond.")
    assert (screened.dropped or "").startswith("intent: misses")


def test_a_long_text_loses_its_ornaments_from_the_end_and_nothing_that_was_asked() -> None:
    long = f"Soft light, high detail. {FAITHFUL} The mood is calm. The air is still, the colours are warm."
    screened = screen(long, limit=22)
    assert screened.dropped is None
    assert count_words(screened.text) <= 22
    assert FAITHFUL in screened.text
    assert "warm" not in screened.text
    assert rules_of(screened) == ["tokens"]


def test_a_text_that_can_not_be_shortened_is_dropped() -> None:
    assert (screen(FAITHFUL, limit=4).dropped or "").startswith("tokens")


def test_the_prompt_itself_is_never_altered_or_dropped() -> None:
    screened = screen(PROMPT, limit=3)
    assert (screened.text, screened.dropped, screened.raw_text) == (PROMPT, None, None)
    assert rules_of(screened) == ["tokens"]
    refusal = "I'm sorry, I can't"
    assert screen_text(refusal, prompt=refusal).dropped is None


def test_without_a_limit_nothing_is_counted() -> None:
    assert screen_text(FAITHFUL, prompt=PROMPT, token_count=lambda _: None, token_limit=3).findings == ()


def test_a_trigger_word_that_is_missing_is_put_in_front() -> None:
    screened = screen(FAITHFUL, triggers=("ohwx style", "sks"))
    assert screened.text == f"ohwx style, sks, {FAITHFUL}"
    assert screened.dropped is None
    assert rules_of(screened) == ["trigger", "trigger"]


def test_a_trigger_word_inside_another_word_is_missing() -> None:
    assert screen(f"{FAITHFUL} She asks.", triggers=("sks",)).text.startswith("sks, ")


@pytest.mark.parametrize(
    "trigger", ["**sks**", "“glow style”", "<|ohwx|>", "- zip", "a  b", "<s>", "`x`", "e\u0301", "{sks}"]
)
@pytest.mark.parametrize("wrapped", ["{0}, {1}", "{1} {0}", '"{0} {1}"', "Here is the prompt: {0} {1}", "**{1}** {0}"])
def test_no_cleaning_alters_a_trigger_word(trigger: str, wrapped: str) -> None:
    screened = screen(wrapped.format(trigger, FAITHFUL), triggers=(trigger,))
    assert screened.dropped is None
    assert screened.text.count(trigger) == 1


def test_shortening_cuts_no_trigger_word() -> None:
    long = f"{FAITHFUL} The mood is calm. In ohwx style. The air is still, the colours are warm."
    screened = screen(long, limit=22, triggers=("ohwx style",))
    assert screened.dropped is None
    assert "ohwx style" in screened.text
    assert "warm" not in screened.text


def test_a_trigger_word_that_is_no_language_is_no_nonsense() -> None:
    triggers = ("xzqwv kjhgf qqqqqqqqqq bvcxz",)
    assert screen(FAITHFUL, triggers=triggers).dropped is None


def test_the_prompt_itself_gets_no_trigger_word() -> None:
    assert screen(PROMPT, triggers=("sks",)) == Screened(text=PROMPT)


def test_a_text_over_the_word_limit_is_shortened_as_with_tokens() -> None:
    long = f"{FAITHFUL} The mood is calm. The air is still, the colours are warm."
    screened = screen(long, words=18)
    assert screened.dropped is None
    assert count_words(screened.text) <= 18
    assert rules_of(screened) == ["words"]
    assert (screen(FAITHFUL, words=9).dropped or "").startswith("words: 15 words, 9 are allowed")


def test_a_prompt_longer_than_the_word_limit_is_the_limit() -> None:
    assert screen("Two red circles move left above one blue square.", words=5).dropped is None


def test_a_text_in_another_script_than_was_asked_for_is_dropped() -> None:
    screened = screen("两个红色的圆在蓝色方块上方向左移动。", language="en")
    assert screened.dropped == "language: in another script than English is written in"


def test_a_translation_beside_the_text_is_cut() -> None:
    screened = screen(f"{FAITHFUL} 两个红色的圆在蓝色方块上方向左移动。", language="en")
    assert (screened.text, screened.dropped) == (FAITHFUL, None)
    assert rules_of(screened) == ["language"]


def test_a_translation_that_was_asked_for_passes_though_it_shares_no_word_with_the_prompt() -> None:
    text = "两个红色的圆在蓝色方块上方向左移动。"
    assert screen(text, language="zh") == Screened(text=text)
    prompt = "一只猫在沙滩上奔跑"
    english = "A cat runs along a sunny beach."
    screened = screen_text(english, prompt=prompt, checklist=make_checklist(prompt), language="en")
    assert screened == Screened(text=english)


def test_a_word_of_the_prompt_in_another_script_may_stay() -> None:
    prompt = "a neon sign above a rainy street that says 你好世界"
    text = "A neon sign glows above a rainy street. It says 你好世界."
    assert screen_text(text, prompt=prompt, language="en") == Screened(text=text)
    assert "你好" not in screen_text(text, prompt="a neon sign above a rainy street", language="en").text


def test_a_text_that_contradicts_the_prompt_is_dropped_instead_of_saying_both() -> None:
    screened = screen("Two red circles glide to the right above a blue square.")
    assert (screened.dropped or "").startswith("accurate: the prompt sends the circle left")


def test_a_harmful_word_is_taken_out_and_the_rest_stays() -> None:
    screened = screen(f"{FAITHFUL} A naked man watches.")
    assert (screened.text, screened.dropped) == (f"{FAITHFUL} A man watches.", None)
    assert rules_of(screened) == ["harmless"]


def test_a_text_that_can_not_be_made_harmless_is_dropped() -> None:
    screened = screen(f"{FAITHFUL} A naked child watches.")
    assert (screened.dropped or "").startswith("harmless: ")


def test_softening_alters_no_trigger_word() -> None:
    screened = screen(f"n@ked, {FAITHFUL} A naked man watches.", triggers=("n@ked",))
    assert screened.text == f"n@ked, {FAITHFUL} A man watches."


def test_what_is_unhelpful_is_told_and_passes() -> None:
    text = f"The video shows rain. {FAITHFUL}"
    screened = screen(text)
    assert (screened.text, screened.dropped) == (text, None)
    assert rules_of(screened) == ["helpful"]


def test_without_the_principles_nothing_of_them_is_looked_at() -> None:
    text = f"The video shows a naked man. {FAITHFUL}"
    screened = screen_text(text, prompt=PROMPT, checklist=CHECKLIST, principles=False)
    assert screened == Screened(text=text)


WORDS = [
    "two red circles", "move left", "above", "a blue square", "a square", "circles", ".", ",", ";", "\n", '"', "**",
    "Note:", "Here is the prompt:", "Sure!", "{", "}", '"rewrite":', "```", "<|im_end|>", "- ", "calm light", "glow",
    "aaaaaaaaa", "I'm sorry", "as an AI", "’", "\x00", "e\u0301", "\u0958",
]  # fmt: skip


def assert_unchanged(again: Screened, text: str) -> None:
    """It passed; what makes it unhelpful may be told again."""
    assert (again.text, again.dropped, again.raw_text) == (text, None, None)
    assert {finding.rule for finding in again.findings} <= {"helpful"}


def assert_holds(text: str, limit: int | None, checklist: Sequence) -> None:
    screened = screen_text(text, prompt=PROMPT, checklist=checklist, token_count=count_words, token_limit=limit)
    assert (screened.raw_text is None) == (screened.text == text)
    if screened.dropped or text == PROMPT:
        return
    assert missing_concepts(checklist, screened.text) == []
    assert limit is None or count_words(screened.text) <= limit
    again = screen_text(screened.text, prompt=PROMPT, checklist=checklist, token_count=count_words, token_limit=limit)
    assert_unchanged(again, screened.text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join), st.sampled_from([None, 15, 30]))
def test_what_passes_asks_for_everything_and_passes_again(text: str, limit: int | None) -> None:
    assert_holds(text, limit, CHECKLIST)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.sampled_from([None, 5]))
def test_any_text_is_screened(text: str, limit: int | None) -> None:
    assert_holds(text, limit, [])


TRIGGERS = [
    "sks",
    "ohwx style",
    "**sks**",
    "“glow”",
    "<s>",
    "- zip",
    "a  b",
    "sks.",
    "move left",
    "{",
    "你好",
    "e\u0301",
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, *TRIGGERS, "一只猫在走路。"]), max_size=20).map(" ".join),
    st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=3, unique=True),
    st.sampled_from([None, 15, 30]),
    st.sampled_from([None, 20]),
    st.sampled_from(["", "en"]),
)
def test_every_text_that_passes_holds_every_trigger_word_and_passes_again(
    text: str, triggers: list[str], limit: int | None, words: int | None, language: str
) -> None:
    screened = screen(text, limit=limit, words=words, language=language, triggers=triggers)
    if screened.dropped:
        return
    assert all(trigger in screened.text for trigger in triggers)
    assert words is None or count_words(screened.text) <= max(words, count_words(" ".join([*triggers, PROMPT])))
    again = screen(screened.text, limit=limit, words=words, language=language, triggers=triggers)
    assert_unchanged(again, screened.text)


@pytest.mark.parametrize("piece", ["\n", " \t", "- ", "> # ", "prompt: ", "sure! ", "**", "<think>", "{", "“"])
def test_a_reply_of_one_thing_repeated_ten_thousand_times_is_screened(piece: str) -> None:
    assert screen(piece * 10_000).dropped
