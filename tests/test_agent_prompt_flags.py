import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.prompt_flags import LONGEST_PROMPT, clean_text, read_prompt

SAMPLE = Path(__file__).parents[1].parent / "shared" / "data" / "vpo" / "queries_sample.json"


def test_words_without_flags_stay_as_they_are() -> None:
    request = read_prompt("A red ball rolls left, then stops.")
    assert request.text == "A red ball rolls left, then stops."
    assert request.model_dump(exclude={"text", "raw"}, exclude_defaults=True) == {}


@pytest.mark.parametrize(
    ("typed", "text", "wanted"),
    [
        ("a cat -ar 16:9", "a cat", {"aspect_ratio": (16, 9)}),
        ("a cat --ar 9:16", "a cat", {"aspect_ratio": (9, 16)}),
        ("a cat -AR 16:09", "a cat", {"aspect_ratio": (16, 9)}),
        ("a cat, -ar16:9", "a cat", {"aspect_ratio": (16, 9)}),
        ("a cat at sunrise-ar 16:9 -motion 4", "a cat at sunrise", {"aspect_ratio": (16, 9), "motion": 4}),
        ("a cat, 8k. -fps24 -gs, 20 , -m 3", "a cat, 8k.", {"fps": 24.0, "guidance_scale": 20.0, "motion": 3}),
        ("a cat - GS 15 — fps: 12", "a cat", {"guidance_scale": 15.0, "fps": 12.0}),
        ("a cat -30fps", "a cat", {"fps": 30.0}),
        ("a cat -seed 3627970626738581123", "a cat", {"seed": 3627970626738581123}),
        ("a cat -gs 12 -gs 14.5", "a cat", {"guidance_scale": 14.5}),
        ("-ar 1:1 a cat -motion 2 in a hat", "a cat in a hat", {"aspect_ratio": (1, 1), "motion": 2}),
        ("a cat -neg blurry, low quality", "a cat", {"negative": "blurry, low quality"}),
        ("a cat -neg body -neg face -gs 14", "a cat", {"negative": "body, face", "guidance_scale": 14.0}),
        ("a cat -neg &quot;CGI, 3d&quot; -ar 16:9", "a cat", {"negative": "CGI, 3d", "aspect_ratio": (16, 9)}),
        ("a cat —negative: (dogs, birds) at night", "a cat at night", {"negative": "dogs, birds"}),
        ("a cat --no dogs", "a cat", {"negative": "dogs"}),
        ("a cat -camera zoom in", "a cat, camera zoom in", {"camera": "zoom in"}),
        ("A cat. -camera pan down. -motion 3", "A cat. Camera pan down.", {"camera": "pan down", "motion": 3}),
        ("a cat -zoom out", "a cat, camera zoom out", {"camera": "zoom out"}),
        ("a cat -style anime -seed 1", "a cat, anime style", {"style": "anime", "seed": 1}),
        ("[a cat, --gs 18 --ar 4:3]", "[a cat]", {"guidance_scale": 18.0, "aspect_ratio": (4, 3)}),
        ("prompt: a cat -seed 5", "a cat", {"seed": 5}),
        ("a cat -size 1280x720", "a cat", {"aspect_ratio": (16, 9)}),
    ],
)
def test_flags_become_settings(typed: str, text: str, wanted: dict) -> None:
    request = read_prompt(typed)
    assert request.text == text
    assert request.raw == typed
    assert request.model_dump(exclude={"text", "raw"}, exclude_defaults=True) == wanted


@pytest.mark.parametrize(
    "typed",
    [
        "a stop-motion 2 minute film",
        "a well-known man, slow-motion 4",
        "a self-portrait of a man - a bartender listening",
        "an x-ray 3:2 negative",
        "camera on a table, negative space, style of the 1960s",
        "24 fps film look, seed 5 of a flower",
        "two-camera setup, high-style room",
        "she waited – her pace, her heartbeat",
        "https://example.org/a-seed.html?-ar=x",
    ],
)
def test_words_that_look_like_flags_stay_words(typed: str) -> None:
    request = read_prompt(typed)
    assert request.text == typed
    assert request.notes == ()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("a cat --v 5", "--v 5"),
        ("a cat -w 0.75", "-w 0.75"),
        ("a cat --tile", "--tile"),
        ("a cat -ar 0:9", "aspect ratio 0:9"),
        ("a cat -ar2", "-ar2"),
        ("a cat -motion 10", "motion 10"),
        ("a cat -fps 0", "fps 0"),
        ("a cat -gs 900", "guidance scale 900"),
        ("a cat -seed 99999999999999999999999", "seed 99999999999999999999999"),
        ("a cat -seed", "-seed"),
    ],
)
def test_what_is_left_out_is_told(typed: str, told: str) -> None:
    request = read_prompt(typed)
    assert request.text == "a cat"
    assert len(request.notes) == 1
    assert told in request.notes[0]


@pytest.mark.parametrize(
    "typed", ["", "   ", "\n\t", "\x00\x01", "&nbsp;", "-ar 16:9", "-neg blurry --gs 12", ",.", "\u200b"]
)
def test_a_prompt_without_words_is_the_users_slip(typed: str) -> None:
    with pytest.raises(UsageError, match="the prompt is empty"):
        read_prompt(typed)


def test_a_prompt_that_is_too_long_is_the_users_slip() -> None:
    assert len(read_prompt("a" * LONGEST_PROMPT).text) == LONGEST_PROMPT
    with pytest.raises(UsageError, match="10,001"):
        read_prompt("a" * (LONGEST_PROMPT + 1))


@pytest.mark.parametrize(
    "typed",
    [
        "👩‍🚀 floating 🌍",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿 fans cheer",
        "قطة تمشي على الشاطئ",
        "می‌خواهم",
        "一只红色的狐狸",
        "Дио за вардо",
        "O'Brien's café",
    ],
)
def test_every_language_and_emoji_stays(typed: str) -> None:
    assert read_prompt(typed).text == typed


def test_entities_controls_and_composed_letters_are_cleaned() -> None:
    assert read_prompt("It&#39;s\ta  cafe\u0301\r\n&lt;b&gt;\x07\u202e now\ud800").text == "It's a café <b> now"


def test_real_queries_are_read_without_a_crash_and_no_known_flag_stays_a_word() -> None:
    if not SAMPLE.exists():
        pytest.skip("shared/data/vpo is not here")
    left = re.compile(r"(?:^|\s)(?:--?|—|–)(?:ar|neg|motion|fps|gs|seed|camera)\b", re.IGNORECASE)
    requests = [read_prompt(query) for query in json.loads(SAMPLE.read_text(encoding="utf-8"))]
    assert len(requests) == 2000
    assert [request.text for request in requests if left.search(request.text)] == []
    assert sum(request.aspect_ratio is not None for request in requests) > 250
    assert sum(request.negative is not None for request in requests) > 30


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_called_empty(typed: str) -> None:
    try:
        request = read_prompt(typed)
    except UsageError:
        return
    assert request.text == clean_text(request.text)
    assert request.text
    request.text.encode()


PIECES = [
    "a cat",
    "-ar 16:9",
    "--neg",
    "blurry",
    '"',
    "-motion 2",
    "-camera",
    "zoom in",
    ",",
    ".",
    "-",
    "—",
    "-seed 1",
    "]",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_mix_of_flags_leaves_no_setting_in_the_words(pieces: list[str]) -> None:
    try:
        text = read_prompt(" ".join(["a dog", *pieces])).text
    except UsageError:
        return
    assert not re.search(r"-(?:ar|motion|seed)\b", text)
    assert "a dog" in text
