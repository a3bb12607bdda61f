"""Scripts: what can be told of a text's language without a dictionary, and what is left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.languages import (
    count_words,
    has_spaced_words,
    is_foreign,
    language_name,
    language_of,
    native_sentences,
    script_of,
)

TEXTS = {
    "en": "A cat runs along the beach.",
    "zh": "一只猫在沙滩上奔跑。",
    "ja": "猫が砂浜を走っている。",
    "ko": "고양이가 해변을 달린다.",
    "ru": "Кошка бежит по пляжу.",
    "ar": "قطة تركض على الشاطئ.",
    "el": "Μια γάτα τρέχει στην παραλία.",
    "he": "חתול רץ על החוף.",
    "th": "แมววิ่งบนชายหาด",
    "hi": "एक बिल्ली समुद्र तट पर दौड़ती है.",
}


@pytest.mark.parametrize("asked", TEXTS)
@pytest.mark.parametrize("written", TEXTS)
def test_a_text_in_another_script_is_foreign_and_only_that(asked: str, written: str) -> None:
    alike = asked == written or (asked, written) == ("ja", "zh")  # Japanese may be all Chinese characters
    assert is_foreign(TEXTS[written], asked) != alike


def test_languages_of_one_script_are_not_told_apart() -> None:
    assert not is_foreign(TEXTS["en"], "de")
    assert not is_foreign("Ein Fuchs läuft.", "en")
    assert not is_foreign(TEXTS["ru"], "uk")


@pytest.mark.parametrize("asked", ["", "tlh", "Elvish"])
def test_nothing_is_foreign_to_a_language_whose_script_is_not_known(asked: str) -> None:
    assert not any(is_foreign(text, asked) for text in TEXTS.values())


def test_a_region_does_not_matter() -> None:
    assert is_foreign(TEXTS["en"], "zh-CN")
    assert language_name("pt-BR") == "Portuguese"
    assert language_name("Elvish") == "Elvish"


def test_a_name_in_latin_letters_does_not_make_a_chinese_text_english() -> None:
    assert script_of("一只戴着 Nike 帽子的猫在 Times Square 奔跑") == "CJK"


def test_what_the_prompt_has_in_another_script_is_no_foreign_word() -> None:
    sign = "霓虹灯上写着你好世界欢迎光临 neon"
    assert is_foreign(sign, "en")
    assert not is_foreign(sign, "en", known="a neon sign that says 霓虹灯上写着你好世界欢迎光临")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("A cat runs. 一只猫在奔跑。 It is happy.", "A cat runs. It is happy."),
        ("一只猫在奔跑。", ""),
        ("A cat runs near Mt. Fuji.", "A cat runs near Mt. Fuji."),
        ("", ""),
        ("42!", "42!"),
    ],
)
def test_foreign_sentences_are_cut_and_the_others_stay_as_they_are(text: str, rest: str) -> None:
    assert native_sentences(text, "en") == rest


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from([*TEXTS, ""]))
def test_what_is_left_has_nothing_more_to_cut(text: str, language: str) -> None:
    once = native_sentences(text, language)
    assert native_sentences(once, language) == once


@pytest.mark.parametrize(("code", "text"), TEXTS.items())
def test_auto_is_the_prompts_own_language_where_its_script_tells(code: str, text: str) -> None:
    assert language_of("auto", text) == ("" if code in ("ru", "ar", "hi") else code)
    assert language_of("de", text) == "de"


def test_auto_takes_a_prompt_without_letters_for_english_and_names_no_language_it_does_not_know() -> None:
    assert language_of("auto", "🎬 42") == "en"
    assert language_name(language_of("auto", TEXTS["ru"])) == "the language of the prompt"


def test_words_are_counted_and_characters_where_there_are_no_spaces() -> None:
    assert count_words("A red-haired cat, running.") == 4
    assert count_words("一只猫在奔跑。") == 6
    assert count_words(" ") == 0
    assert has_spaced_words(TEXTS["ko"])
    assert not has_spaced_words(TEXTS["ja"])
