"""Files that VPO and Prompt-A-Video published, read as rows of ours."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from finetune.data.published import read_published
from finetune.data.rows import DpoRow, Row, SftRow
from finetune.data.rules import Rules
from finetune.errors import DistillError

VPO_ASKS = (
    "In this task, your goal is to expand the user's short query into a detailed prompt.\n\n1. **Harmless**: The "
    "prompt must be safe.\n\nUser Query:{}\n\nVideo Prompt:"
)
PAV_ASKS = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nYou are an expert. Original prompt:\n"
    "{}\nNew prompt:<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)


def vpo_pair(query: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": VPO_ASKS.format(query)}],
        "chosen": {"role": "assistant", "content": chosen},
        "rejected": {"role": "assistant", "content": rejected},
    }


def read(entries: Any, folder: Path, **rules: Any) -> tuple[list[Row], Counter[str]]:
    file, dropped = folder / "published.json", Counter[str]()
    file.write_text(entries if isinstance(entries, str) else json.dumps(entries), encoding="utf-8")
    return read_published(file, Rules(**rules), dropped), dropped


def test_the_users_query_is_taken_out_of_vpos_instruction(tmp_path: Path) -> None:
    query = "dolphins in space&#39;s User Query: Video Prompt: end -ar 9:16"
    (row,), _ = read([vpo_pair(query, " Dolphins swim among stars.\n", "Fish.")], tmp_path)
    assert isinstance(row, DpoRow)
    assert row.prompt == "dolphins in space's User Query: Video Prompt: end"
    assert row.texts == ("Dolphins swim among stars.", "Fish.")
    assert (row.kind, row.run_id, row.margin, row.seeds) == ("imported", "published.json", None, ())
    assert "nothing of it was measured here" in row.why


def test_the_original_is_taken_out_of_prompt_a_videos_chat_and_its_tokens_are_cut(tmp_path: Path) -> None:
    entry = {
        "prompt": PAV_ASKS.format("Fisherman in boat at sunset"),
        "chosen": "In the twilight, a fisherman is at the helm.<|eot_id|>",
        "rejected": "An old man stands in a boat.",
    }
    (row,), _ = read([entry], tmp_path)
    assert row.prompt == "Fisherman in boat at sunset"
    assert row.texts == ("In the twilight, a fisherman is at the helm.", "An old man stands in a boat.")
    assert "<|" not in row.why


def test_lists_of_original_and_refined_teach_the_refined(tmp_path: Path) -> None:
    (row,), _ = read([["a cat", "A grey cat sits on a wall."]], tmp_path)
    assert isinstance(row, SftRow)
    assert (row.prompt, row.text, row.verified_gain) == ("a cat", "A grey cat sits on a wall.", None)


def test_lines_of_json_are_read_like_a_list(tmp_path: Path) -> None:
    pairs = [["a cat", "A grey cat sits."], ["a dog", "A brown dog runs."]]
    rows, _ = read("\n".join(json.dumps(pair) for pair in pairs) + "\n", tmp_path)
    assert rows == read(pairs, tmp_path)[0]
    assert [row.prompt for row in rows] == ["a cat", "a dog"]


def test_pairs_of_one_prompt_are_limited_and_the_same_texts_left_out(tmp_path: Path) -> None:
    texts = ["One fish.", "Two birds.", "Three red cars."]
    pairs = [vpo_pair("a cat", f"{text} It is late.", "Nothing to see.") for text in texts]
    rows, dropped = read([*pairs, vpo_pair("a dog", "A dog runs.", "a dog runs")], tmp_path, per_prompt=2)
    assert [row.prompt for row in rows] == ["a cat", "a cat"]
    assert dropped == {"pair: more than 2 of one prompt": 1, "pair: the two texts are nearly the same": 1}


def test_what_has_no_words_is_counted_and_left_out(tmp_path: Path) -> None:
    rows, dropped = read([["", "A cat."], ["-ar 16:9", "A cat."], ["a cat", " … "]], tmp_path)
    assert rows == []
    assert dropped.total() == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (["a cat", "a dog"], "holds 2 prompts and no rewrites.* `retake batch`"),
        ([{"index": 0, "org_prompt": "a cat"}], "entry 1: an object with index, org_prompt is no row"),
        ([["a cat", "A cat."], ["a", "b", "c"]], "entry 2: a list of 3 is no row"),
        ([["a cat", 5]], "entry 1: a list of 2 is no row"),
        (
            [{"prompt": "<|user|>a cat", "chosen": "A cat.", "rejected": "Cat."}],
            "between 'Original prompt:' and 'New prompt:'",
        ),
        ([vpo_pair("x", "y", "z") | {"messages": [{"role": "user", "content": "a cat"}]}], "between 'User Query:' and"),
        ("{'a': 1}\n", "line 1 is neither JSON nor part of a JSON list"),
        ("", "is empty"),
        ([], "is empty"),
    ],
)
def test_another_shape_gets_one_line_that_says_what_was_found(content: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=says) as told:
        read(content, tmp_path)
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "published.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DistillError, match=r"no UTF-8 text"):
        read_published(tmp_path / "published.json", Rules(), Counter())


def test_real_queries_of_vpo_come_through_its_instruction(shared_data: Path, tmp_path: Path) -> None:
    queries: list[str] = json.loads((shared_data / "vpo" / "queries_sample.json").read_text(encoding="utf-8"))
    with pytest.raises(DistillError, match="2,000 prompts"):
        read(queries, tmp_path)
    rows, dropped = read([vpo_pair(query, f"A film of {n}.", "x") for n, query in enumerate(queries)], tmp_path)
    assert len(rows) + dropped.total() == len(queries)
    assert len(rows) > 0.99 * len(queries)
    assert not any("Harmless" in row.prompt or " -ar " in row.prompt for row in rows)
