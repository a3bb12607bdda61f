import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_store.captions import read_captions
from graph_store.errors import GraphStoreError

RAPO = Path(__file__).parents[1].parent / "shared" / "data" / "rapo"


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_our_jsonl_keeps_its_phrases_clean_and_once(tmp_path):
    row = {"caption": "  A dog\trun s ", "scenes": ["In a  park", "in a park ", ""], "actions": "running", "topic": "x"}
    read = read_captions(write(tmp_path, "a.jsonl", json.dumps(row) + "\n\n" + json.dumps({"caption": "A cat."})))
    first, second = read.captions
    assert first.text == "A dog run s"
    assert first.scenes == ("In a park",)
    assert first.actions == ("running",)
    assert second.text == "A cat."
    assert second.scenes == ()
    assert read.rejected == ()


def test_rapo_columns_become_scene_action_and_atmosphere(tmp_path):
    table = (
        "Input,Output,verb_obj_word,scenario_word,place\n"
        "\"A man, running.\",raw,\"['running', 'it\\'s on']\",[''],['on a road']\n"
        "A cat.,raw,sleeping soundly,['calm'],['']\n"
    )
    first, second = read_captions(write(tmp_path, "a.csv", table)).captions
    assert first.text == "A man, running."
    assert first.actions == ("running", "it's on")
    assert first.atmospheres == ()
    assert first.scenes == ("on a road",)
    assert second.actions == ("sleeping soundly",)
    assert second.scenes == ()


@pytest.mark.parametrize("column", ["caption", "text", "prompt", "Input"])
def test_a_table_with_a_caption_column_is_enough(tmp_path, column):
    read = read_captions(write(tmp_path, "a.csv", f'id,{column}\r\n1,"A dog\nruns."\r\n2,A cat.\r\n'))
    assert [caption.text for caption in read.captions] == ["A dog runs.", "A cat."]


def test_plain_text_is_a_caption_a_line(tmp_path):
    read = read_captions(write(tmp_path, "a.TXT", "\ufeffA dog.\r\n\r\nUn café.\n"))
    assert [caption.text for caption in read.captions] == ["A dog.", "Un café."]


def test_bad_rows_are_listed_with_line_and_reason_and_good_ones_kept(tmp_path):
    rows = [
        '{"caption": "good"}',
        "not json",
        "[1, 2]",
        '{"caption": ""}',
        '{"caption": 5}',
        '{"scenes": ["x"]}',
        '{"caption": "x", "scenes": [1]}',
        json.dumps({"caption": "x" * 4001}),
        '{"caption": "bell \\u0007"}',
        '{"caption": "half \\ud800"}',
        "[" * 100_000,
        '{"caption": "also good"}',
    ]
    read = read_captions(write(tmp_path, "a.jsonl", "\n".join(rows)))
    assert [caption.text for caption in read.captions] == ["good", "also good"]
    assert [row.line for row in read.rejected] == list(range(2, 12))
    reasons = " | ".join(row.reason for row in read.rejected)
    for reason in ("not JSON", "not a JSON object", "empty", "not text but int", "no caption", "not a list of strings"):
        assert reason in reasons
    assert "4,001 characters" in reasons
    assert "control character U+0007" in reasons
    assert all(len(row.excerpt) < 1000 for row in read.rejected)


def test_an_unclosed_quote_costs_its_row_and_not_the_file(tmp_path):
    text = 'caption\nA dog.\n"An unclosed quote\n' + "A filler line.\n" * 20_000 + "\n"
    read = read_captions(write(tmp_path, "a.csv", text))
    assert read.captions[0].text == "A dog."
    assert read.rejected[0].line == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"\xff\xfe\x00d", "not UTF-8"),
        ("a.txt", b"\0\0\0\0abc", "binary"),
        ("a.csv", b"one,two\n1,2\n", "no caption column; found one, two"),
        ("a.xml", b"<x/>", "ends in .jsonl, .csv, .txt"),
    ],
)
def test_a_file_that_is_no_caption_file_is_refused_in_one_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(GraphStoreError, match=message):
        read_captions(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GraphStoreError, match=r"nowhere\.txt"):
        read_captions(tmp_path / "nowhere.txt")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.binary(max_size=400), st.sampled_from([".jsonl", ".csv", ".txt"]))
def test_any_bytes_are_read_or_refused(tmp_path, content, ending):
    path = tmp_path / f"any{ending}"
    path.write_bytes(content)
    try:
        read = read_captions(path)
    except GraphStoreError:
        return
    assert all(caption.text.strip() for caption in read.captions)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.text(max_size=60))
def test_any_cell_of_a_table_is_read_or_rejected(tmp_path, cell):
    quoted = '"' + cell.encode("utf-8", "replace").decode().replace('"', '""') + '"'
    path = write(tmp_path, "any.csv", f"caption,place\nA dog.,{quoted}\nA cat.,[]\n")
    read = read_captions(path)
    assert read.captions[-1].text == "A cat."
    assert len(read.captions) + len(read.rejected) == 2


@pytest.mark.skipif(not RAPO.exists(), reason="../shared/data/rapo is not here")
def test_the_tables_of_rapo_are_read_whole():
    assert len(read_captions(RAPO / "graph_test1.csv").captions) == 15
    assert len(read_captions(RAPO / "graph_test2.csv").captions) == 17
    assert not read_captions(RAPO / "graph_test1.csv").rejected
