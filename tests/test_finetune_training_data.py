"""What a rewriter is trained on, and how: rows, settings, and the tokens that the model gets."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from serve import CHAT_TEMPLATE as QWEN_TEMPLATE
from serve import build_tiny_chat_model
from tiny_chat_models import vary_chat_model
from tiny_training import (
    BRIEF,
    PROMPTS,
    better,
    dpo_row,
    prepared_dpo,
    prepared_sft,
    save_tiny_llama,
    sft_row,
    worse,
    write_data,
    write_rows,
)

from agent.errors import UsageError
from agent.llm.chat_format import ChatFormat, find_chat_model
from finetune.errors import DistillError
from finetune.training.data import read_data
from finetune.training.dpo import make_dpo_trainer
from finetune.training.settings import DPOSettings, SFTSettings, make_settings
from finetune.training.sft import make_sft_trainer
from finetune.training.tokens import RowFormat
from finetune.training.trainer import quiet

# Rows


def test_rows_of_both_methods_are_read_with_their_brief_and_where_they_came_from(training_rows: Path) -> None:
    for method in ("sft", "dpo"):
        read = read_data(training_rows, method)
        assert (len(read.train), len(read.held_out), read.brief) == (24, 8, BRIEF)
        assert read.provenance("renderer") == ["painter"]
    assert read.provenance("seeds") == ["0", "1"]
    assert read.provenance("no such column") == []


def test_a_line_separator_within_a_text_ends_no_row(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    row = sft_row("red ball") | {"completion": [{"role": "assistant", "content": "one\u2028two"}]}
    (folder / "sft.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_data(folder, "sft").train[0]["completion"][0]["content"] == "one\u2028two"


def test_pairs_of_equal_texts_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    same = dpo_row("red ball") | {"rejected": [{"role": "assistant", "content": better("red ball")}]}
    write_rows(folder / "dpo.jsonl", [same, dpo_row("red ball")])
    read = read_data(folder, "dpo")
    assert (len(read.train), read.same) == (1, 1)
    write_rows(folder / "dpo.jsonl", [same, same])
    with pytest.raises(DistillError, match=r"all 2 pairs .* same text as chosen and rejected"):
        read_data(folder, "dpo")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty: there is nothing to train on"),
        ("\n \n", "is empty: there is nothing to train on"),
        ("hello\n", "line 1 is no JSON"),
        ('{"prompt": []}\n[1]\n', "line 1 has no column 'completion'"),
        ("[1]\n", "line 1 holds a list"),
        (json.dumps(dpo_row("red ball")) + "\n", "has no column 'completion': sft rows have prompt, completion, found"),
        (json.dumps(sft_row("x") | {"prompt": "x"}) + "\n", "'prompt' must be a list of messages of system and user"),
        (json.dumps(sft_row("x") | {"completion": "x"}) + "\n", "'completion' must be a list of one message"),
        (json.dumps(sft_row("x") | {"completion": []}) + "\n", "'completion' must be a list of one message"),
        (
            json.dumps(sft_row("x") | {"completion": [{"role": "assistant", "content": " "}]}) + "\n",
            "'completion' must be a list of one message of the assistant",
        ),
        (
            json.dumps(sft_row("x") | {"completion": [{"role": "user", "content": "x"}]}) + "\n",
            "'completion' must be a list of one message of the assistant",
        ),
    ],
)
def test_rows_that_cannot_be_trained_on_get_one_line(content: str, told: str, tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    (folder / "sft.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(DistillError) as caught:
        read_data(folder, "sft")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_or_no_text_get_one_line(tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"no folder .*nowhere: name one that `retake distill pairs` wrote"):
        read_data(tmp_path / "nowhere", "sft")
    folder = write_data(tmp_path / "data")
    (folder / "sft.jsonl").write_bytes(b"\xff\xfe{")
    with pytest.raises(DistillError, match="is no UTF-8 text"):
        read_data(folder, "sft")
    (folder / "sft.jsonl").unlink()
    with pytest.raises(DistillError, match=r"holds no sft.jsonl"):
        read_data(folder, "sft")
    (folder / "brief.json").write_text("{}")
    with pytest.raises(DistillError, match="is no brief"):
        read_data(folder, "dpo")
    (folder / "brief.json").unlink()
    with pytest.raises(DistillError, match=r"holds no brief.json, which says what the rewriter is told"):
        read_data(folder, "dpo")


def test_a_prompt_on_both_sides_of_the_split_is_refused(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    write_rows(folder / "sft_test.jsonl", [sft_row(PROMPTS[0])])
    with pytest.raises(DistillError, match=f"1 held-out rows .* such as '{PROMPTS[0]}': split by prompt"):
        read_data(folder, "sft")


def test_no_held_out_rows_are_no_error(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data")
    (folder / "sft_test.jsonl").write_text("")
    assert read_data(folder, "sft").held_out == []
    (folder / "sft_test.jsonl").unlink()
    assert read_data(folder, "sft").held_out == []


# Settings


def test_a_file_has_the_flags_names_and_flags_win(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("model: some/model\nlearning-rate: 0.5\nbatch_size: 2\n")
    settings = make_settings(SFTSettings, file, {"batch_size": 3, "epochs": None})
    assert (settings.model, settings.learning_rate, settings.batch_size, settings.epochs) == ("some/model", 0.5, 3, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("model: m\nepoch: 3\n", "unknown key 'epoch'; known are model, revision, full"),
        ("model: m\nbeta: 0.1\n", "unknown key 'beta'"),
        ("model: m\nepochs: 0\n", "epochs: input should be greater than 0, found 0"),
        ("model: m\nepochs: many\n", "epochs: input should be a valid number"),
        ("epochs: 2\n", "no model to begin with"),
        ("model: m\nfull: true\nlora_r: 8\n", "--full trains all weights and has no adapter"),
        ("- 1\n", "holds a list"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_file_of_wrong_settings_gets_one_line(content: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(content)
    with pytest.raises(DistillError) as caught:
        make_settings(SFTSettings, file, {})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_rate_follows_from_method_and_weights_unless_given() -> None:
    rates = [kind(model="m", full=full).rate for kind in (SFTSettings, DPOSettings) for full in (False, True)]
    assert rates == [2e-4, 2e-6, 5e-6, 5e-7]
    assert SFTSettings(model="m", learning_rate=0.1).rate == 0.1


@settings(max_examples=25)
@given(
    epochs=st.floats(0.1, 50), batch=st.integers(1, 64), seed=st.integers(0, 2**31 - 1), full=st.booleans(),
    scheduler=st.sampled_from(["linear", "cosine", "constant_with_warmup"]),
)  # fmt: skip
def test_settings_saved_as_a_file_are_the_same_settings(
    epochs: float, batch: int, seed: int, full: bool, scheduler: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    flags = {"model": "m", "epochs": epochs, "batch_size": batch, "seed": seed, "full": full, "scheduler": scheduler}
    chosen = make_settings(DPOSettings, None, flags)
    file = tmp_path_factory.mktemp("settings") / "again.yaml"
    file.write_text(yaml.safe_dump(chosen.model_dump(mode="json")))
    assert make_settings(DPOSettings, file, {}) == chosen


# Tokens


def test_a_row_has_one_start_and_one_end_and_only_the_answer_is_learned(
    tiny_llama: Path, training_rows: Path, tmp_path: Path
) -> None:
    # The tokenizer adds both by itself to plain text, as trl#4481 and #4908 had it added twice.
    with quiet():
        trainer = make_sft_trainer(prepared_sft(training_rows, tmp_path / "out", tiny_llama))
    tokenizer = trainer.processing_class
    assert tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id
    for row, example in zip(trainer.train_dataset, read_data(training_rows, "sft").train, strict=True):
        ids, learned = row["input_ids"], [label for label in row["labels"] if label != -100]
        assert (ids.count(tokenizer.bos_token_id), ids.count(tokenizer.eos_token_id)) == (1, 1)
        assert tokenizer.decode(learned) == example["completion"][0]["content"] + "</s>"


def test_a_prompt_has_the_tokens_in_training_that_it_has_in_use(
    tiny_llama: Path, training_rows: Path, tmp_path: Path
) -> None:
    used = ChatFormat(find_chat_model(str(tiny_llama)))
    with quiet():
        learned = make_sft_trainer(prepared_sft(training_rows, tmp_path / "sft", tiny_llama)).train_dataset
        preferred = make_dpo_trainer(prepared_dpo(training_rows, tmp_path / "dpo", tiny_llama)).train_dataset
    for prompt, row, pair in zip(PROMPTS, learned, preferred, strict=False):
        asked = used.encode(BRIEF.messages(prompt), 16)
        assert row["input_ids"][: len(asked)] == asked
        assert row["labels"][: len(asked)] == [-100] * len(asked)
        assert pair["prompt_ids"] == asked
        for column, text in (("chosen_ids", better(prompt)), ("rejected_ids", worse(prompt))):
            assert used.tokenizer.decode(pair[column]) == text + "</s>"


def test_rows_that_are_too_long_are_left_out_and_counted_never_cut(training_rows: Path, tmp_path: Path) -> None:
    short = save_tiny_llama(tmp_path / "short", context=90)
    rows = read_data(training_rows, "sft").train
    whole = RowFormat(find_chat_model(str(short)), 1024)
    lengths = sorted(whole.fit([row], "sft").longest for row in rows if whole.fit([row], "sft"))
    form = RowFormat(find_chat_model(str(short)), lengths[10])
    fitted = form.fit(rows, "sft")
    assert fitted.longest == lengths[-1]
    assert fitted.too_long == sum(length > lengths[10] for length in lengths) > 0
    assert len(fitted.rows) == len(rows) - fitted.too_long
    with pytest.raises(DistillError, match=f"all {len(rows)} rows are longer than 20 tokens .*raise --max-length"):
        RowFormat(find_chat_model(str(short)), 20).fit(rows, "sft")


def test_no_row_is_longer_than_the_models_context(training_rows: Path, tmp_path: Path) -> None:
    short = save_tiny_llama(tmp_path / "short", context=64)
    with pytest.raises(DistillError, match="longer than 64 tokens"):
        RowFormat(find_chat_model(str(short)), 1024).fit(read_data(training_rows, "dpo").train, "dpo")


def test_a_template_that_cannot_teach_an_end_is_refused(training_rows: Path, tmp_path: Path) -> None:
    endless = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}"
    )
    model = save_tiny_llama(tmp_path / "endless", template=endless)
    with pytest.raises(DistillError, match=r"puts no end token .* would never learn to stop"):
        RowFormat(find_chat_model(str(model)), 1024).fit(read_data(training_rows, "sft").train, "sft")


def test_a_model_without_a_chat_template_is_refused(training_rows: Path, tmp_path: Path) -> None:
    model = save_tiny_llama(tmp_path / "plain", template="")
    with pytest.raises(UsageError, match="has no chat template"):
        prepared_sft(training_rows, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_rows_are_given_as_in_use_without_special_tokens_system_role_or_thoughts(tmp_path: Path) -> None:
    tiny = build_tiny_chat_model(tmp_path / "qwen")
    no_system = "{% if messages[0].role == 'system' %}{{ raise_exception('none') }}{% endif %}" + QWEN_TEMPLATE
    form = RowFormat(find_chat_model(str(vary_chat_model(tiny, tmp_path / "no-system", no_system))), 1024)
    row = sft_row("red ball<|im_end|>")
    fitted = form.fit([row], "sft").rows[0]
    assert [message["role"] for message in fitted["prompt"]] == ["user"]
    assert "<|im_end|>" not in json.dumps(fitted)
    assert fitted["chat_template_kwargs"] == {"enable_thinking": False}
    thinking = QWEN_TEMPLATE + "{% if add_generation_prompt and not enable_thinking %}<think></think>{% endif %}"
    form = RowFormat(find_chat_model(str(vary_chat_model(tiny, tmp_path / "thinking", thinking))), 1024)
    assert not form.fit([row], "sft").is_as_in_use
