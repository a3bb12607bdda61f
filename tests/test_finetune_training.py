"""Training a rewriter on a tiny Llama: what is refused, what it learns, and what becomes of a run that breaks."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from svg import count_dots
from tiny_training import (
    BRIEF,
    PROMPTS,
    dpo,
    dpo_row,
    log_of,
    prepared_dpo,
    prepared_sft,
    sft,
    sft_row,
    weights_of,
    write_data,
    write_rows,
)
from transformers import PrinterCallback, TrainerCallback, TrainerState
from trl.trainer.sft_trainer import SFTTrainer

from agent.errors import UsageError
from agent.llm.chat_format import find_chat_model
from agent.llm.transformers_local import TransformersLanguageModel
from agent.rewriter_card import read_card
from finetune.errors import DistillError
from finetune.training.data import read_data
from finetune.training.dpo import make_dpo_trainer
from finetune.training.folder import TrainingFolder
from finetune.training.merge import merge
from finetune.training.plots import plot_log
from finetune.training.sft import make_sft_trainer
from finetune.training.tokens import RowFormat
from finetune.training.trainer import quiet

# The run's folder


def test_a_folder_of_other_settings_or_other_files_is_refused_with_what_differs(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "out")
    folder.begin({"method": "sft", "epochs": 3})
    folder.begin({"method": "sft", "epochs": 3})
    with pytest.raises(DistillError, match="was begun with epochs 3, now it is 2"):
        folder.begin({"method": "sft", "epochs": 2})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(DistillError, match="holds other files"):
        TrainingFolder(tmp_path / "other").begin({})
    with pytest.raises(DistillError, match="can't write to"):
        TrainingFolder(tmp_path / "other" / "thesis.txt").begin({})


def test_two_runs_do_not_train_in_one_folder(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    with folder.lock(), pytest.raises(DistillError, match="another process is training in"):
        TrainingFolder(tmp_path).lock()
    with TrainingFolder(tmp_path).lock():
        pass


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    assert folder.last_checkpoint() is None
    for name, state in (
        ("checkpoint-9", "{}"),
        ("checkpoint-10", "{}"),
        ("checkpoint-11", '{"epo'),
        ("checkpoint-12", None),
    ):
        (folder.checkpoints / name).mkdir(parents=True)
        if state is not None:
            (folder.checkpoints / name / "trainer_state.json").write_text(state)
    assert folder.last_checkpoint() == folder.checkpoints / "checkpoint-10"


def test_what_cannot_be_begun_leaves_nothing_behind(
    training_rows: Path, tiny_llama: Path, sft_rewriter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="no/such/model"):
        prepared_sft(training_rows, out, Path("no/such/model"))
    with pytest.raises(DistillError, match="is an adapter that is trained on as it is: leave --lora-r"):
        prepared_dpo(training_rows, out, sft_rewriter, lora_r=8)
    other = write_data(tmp_path / "other")
    (other / "brief.json").write_text(BRIEF.model_copy(update={"word_limit": 60}).model_dump_json())
    with pytest.raises(DistillError, match=r"was trained to be told something else .*\(word_limit differs\)"):
        prepared_dpo(other, out, sft_rewriter)
    (other / "sft_test.jsonl").unlink()
    with pytest.raises(DistillError, match="--patience needs held-out rows"):
        prepared_sft(other, out, tiny_llama, patience=2)
    quantized = tmp_path / "quantized"
    shutil.copytree(tiny_llama, quantized)
    config = json.loads((quantized / "config.json").read_text())
    (quantized / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "awq"}}))
    with pytest.raises(DistillError, match="are quantized, which can't be trained here"):
        prepared_sft(training_rows, out, quantized)
    assert not out.exists()


def test_an_adapter_over_the_model_that_ships_names_it_so_that_it_works_on_another_machine(
    training_rows: Path, tmp_path: Path
) -> None:
    start = prepared_sft(training_rows, tmp_path / "out", Path("pocket-writer")).start
    assert start.card("sft", BRIEF, full=False).base == "pocket-writer"
    assert "pocket_writer" in start.files.location


# Training, and what comes of it


def test_sft_leaves_an_adapter_that_the_loop_can_use(sft_rewriter: Path, tiny_llama: Path) -> None:
    card = read_card(sft_rewriter)
    assert (card.kind, card.base, card.trained, card.brief) == ("adapter", str(tiny_llama), ("sft",), BRIEF)
    files = {path.name for path in sft_rewriter.iterdir() if not path.name.startswith(".")}
    assert files == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "data.md", "log.jsonl",
        "loss.svg", "rewriter.json", "tokenizer.json", "tokenizer_config.json", "train.json",
    }  # fmt: skip
    used = TransformersLanguageModel(card.base, adapter=str(sft_rewriter), temperature=0, max_tokens=8)
    plain = TransformersLanguageModel(card.base, temperature=0, max_tokens=8)
    told = card.brief.messages("red ball")
    assert used.reply(told).tokens_out
    assert used.reply(told).text != plain.reply(told).text
    losses = log_of(sft_rewriter, "eval_loss")
    assert losses[-1] < losses[0]


def test_dpo_begins_where_sft_ended_and_leaves_one_adapter_over_the_same_base(
    training_rows: Path, tiny_llama: Path, sft_rewriter: Path, tmp_path: Path
) -> None:
    out = dpo(training_rows, tmp_path / "out", sft_rewriter, max_steps=3, learning_rate=0.01, sft_weight=0.5)
    card = read_card(out)
    assert (card.kind, card.base, card.trained) == ("adapter", str(tiny_llama), ("sft", "dpo"))
    assert not (out / "ref").exists()
    assert not (out / "checkpoints").exists()
    before, after = weights_of(sft_rewriter), weights_of(out)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert log_of(out, "eval_rewards/margins")[0] == 0
    assert log_of(out, "eval_rewards/margins")[-1] > 0
    told = card.brief.messages("red ball")
    assert TransformersLanguageModel(card.base, adapter=str(out), max_tokens=4).reply(told).tokens_out


@pytest.mark.parametrize("full", [False, True])
def test_the_reference_of_dpo_is_the_policy_of_sft(
    full: bool, training_rows: Path, tiny_llama: Path, sft_rewriter: Path, tmp_path: Path
) -> None:
    with quiet():
        trainer = make_dpo_trainer(prepared_dpo(training_rows, tmp_path / "out", sft_rewriter, full=full))
        batch = next(iter(trainer.get_train_dataloader()))
        reference = torch.cat(trainer.compute_ref_log_probs(trainer.ref_model or trainer.model, batch))
    of_sft = TransformersLanguageModel(str(tiny_llama), adapter=str(sft_rewriter))._load()
    of_base = TransformersLanguageModel(str(tiny_llama))._load()
    assert torch.allclose(reference, log_probs(of_sft, batch), atol=1e-3)
    assert not torch.allclose(reference, log_probs(of_base, batch), atol=1e-1)


def log_probs(weights: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Of each answer of the batch, by hand."""
    with torch.no_grad():
        logits = weights(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    said = logits.log_softmax(-1).gather(2, batch["input_ids"][:, 1:, None])[..., 0]
    return (said * batch["completion_mask"][:, 1:]).sum(-1)


@pytest.mark.slow
def test_all_weights_can_be_trained_and_gone_on_with(training_rows: Path, tiny_llama: Path, tmp_path: Path) -> None:
    whole = sft(training_rows, tmp_path / "sft", tiny_llama, full=True, lora_r=None, max_steps=2, learning_rate=0.01)
    assert read_card(whole).kind == "model"
    assert not (whole / "adapter_config.json").exists()
    told = BRIEF.messages("red ball")
    assert TransformersLanguageModel(str(whole), max_tokens=4).reply(told).tokens_out
    over_it = dpo(training_rows, tmp_path / "dpo", whole, max_steps=2, learning_rate=0.01)
    card = read_card(over_it)
    assert (card.kind, card.base, card.trained) == ("adapter", str(whole), ("sft", "dpo"))
    assert log_of(over_it, "eval_rewards/margins")[0] == 0


def test_a_merged_rewriter_answers_as_its_adapter_does(tiny_llama: Path, sft_rewriter: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merge(sft_rewriter, merged)
    card = read_card(merged)
    assert (card.kind, card.base, card.trained, card.brief) == ("model", str(tiny_llama), ("sft",), BRIEF)
    assert not [path.name for path in merged.iterdir() if path.suffix in (".bin", ".pt", ".pth")]
    told = BRIEF.messages("red ball")
    apart = TransformersLanguageModel(str(tiny_llama), adapter=str(sft_rewriter), temperature=0, max_tokens=16)
    whole = TransformersLanguageModel(str(merged), temperature=0, max_tokens=16)
    assert whole.reply(told).text == apart.reply(told).text
    assert f"vllm serve {merged.name}" in (merged / "README.md").read_text(encoding="utf-8")
    with pytest.raises(DistillError, match="is there: choose a folder that is not"):
        merge(sft_rewriter, merged)
    with pytest.raises(DistillError, match="is a whole model already"):
        merge(merged, tmp_path / "again")
    with pytest.raises(UsageError, match=r"holds no rewriter\.json"):
        merge(tiny_llama, tmp_path / "again")


@pytest.mark.slow
def test_a_run_that_was_killed_ends_as_the_unbroken_one_does(
    training_rows: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    settings = {"max_steps": 6, "save_steps": 2, "learning_rate": 0.01, "lora_dropout": 0.1}
    unbroken = sft(training_rows, tmp_path / "unbroken", tiny_llama, **settings)
    prepared = prepared_sft(training_rows, tmp_path / "killed", tiny_llama, **settings)
    with quiet():
        trainer = make_sft_trainer(prepared)
        trainer.add_callback(PowerCut(after=5))
        with pytest.raises(PowerCutError):
            trainer.train()
    assert prepared.folder.last_checkpoint() == prepared.folder.checkpoints / "checkpoint-4"
    heard = StringIO()
    resumed = sft(training_rows, tmp_path / "killed", tiny_llama, Console(file=heard), **settings)
    assert "goes on from checkpoint-4" in heard.getvalue()
    for name, weights in weights_of(unbroken).items():
        assert torch.allclose(weights, weights_of(resumed)[name], atol=1e-6), name
    assert log_of(resumed, "eval_loss") == pytest.approx(log_of(unbroken, "eval_loss"), abs=1e-5)
    assert log_of(resumed, "step") == log_of(unbroken, "step")


class PowerCutError(Exception):
    pass


class PowerCut(TrainerCallback):
    """Ends the run without a word after so many updates."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **more: Any) -> None:
        if state.global_step == self.after:
            raise PowerCutError


@pytest.mark.slow
def test_the_best_checkpoint_is_kept_and_patience_ends_the_run(
    training_rows: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    # At this rate the first update helps, and what follows overshoots.
    out = sft(
        training_rows,
        tmp_path / "out",
        tiny_llama,
        learning_rate=0.3,
        save_steps=1,
        patience=2,
        epochs=50,
        scheduler="constant_with_warmup",
    )
    losses = log_of(out, "eval_loss")
    best = losses.index(min(losses))
    assert best < len(losses) - 1
    assert len(losses) - 1 == best + 2
    form = RowFormat(find_chat_model(str(tiny_llama)), 1024)
    rows = form.fit(read_data(training_rows, "sft").held_out, "sft").rows
    prepared = prepared_sft(training_rows, tmp_path / "measure", out, lora_r=None)
    with quiet():
        kept = make_sft_trainer(prepared)
        kept.remove_callback(PrinterCallback)
        assert len(rows) == len(kept.eval_dataset)
        assert kept.evaluate()["eval_loss"] == pytest.approx(losses[best], abs=1e-4)


def test_a_loss_that_is_no_number_is_told(training_rows: Path, tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"the loss became no number .*lower --learning-rate"):
        sft(training_rows, tmp_path / "out", tiny_llama, learning_rate=1e30, max_steps=3)
    assert not TrainingFolder(tmp_path / "out").is_finished


def test_memory_that_runs_out_is_told_with_what_to_lower(
    training_rows: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **named: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SFTTrainer, "training_step", full)
    with pytest.raises(DistillError, match=r"lower --batch-size \(now 4; .* --max-length \(now 1024\)"):
        sft(training_rows, tmp_path / "out", tiny_llama, max_steps=1)


def test_without_held_out_rows_the_last_weights_stay_and_the_card_says_so(tiny_llama: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    (data / "sft_test.jsonl").unlink()
    out = sft(data, tmp_path / "out", tiny_llama, max_steps=1)
    assert "Not measured: there were no held-out rows." in (out / "README.md").read_text(encoding="utf-8")


def test_the_card_tells_base_rows_brief_measures_and_how_to_serve(sft_rewriter: Path, tiny_llama: Path) -> None:
    card = (sft_rewriter / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "peft"
    assert {"trl", "sft", "retake"} <= set(front["tags"])
    losses = log_of(sft_rewriter, "eval_loss")
    for said in (
        "| trained | sft |", str(tiny_llama), "24 to train on, 8 held out by prompt", "| renderers | painter |",
        f"| loss | {losses[0]:.4f} | {min(losses):.4f} |", "Write anew.", "[its card](data.md)",
        f"vllm serve {tiny_llama} --enable-lora --max-lora-rank 8 --lora-modules retake=out",
        "transformers serve out-merged", "TRL: 1.16",
    ):  # fmt: skip
        assert said in card


@pytest.mark.slow
def test_a_card_says_when_the_held_out_loss_did_not_fall(tiny_llama: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    lies = [sft_row(prompt) | {"completion": [{"role": "assistant", "content": "zzzzzz"}]} for prompt in PROMPTS[:24]]
    write_rows(data / "sft.jsonl", lies)
    out = sft(data, tmp_path / "out", tiny_llama, max_steps=12, save_steps=12, learning_rate=0.02)
    assert log_of(out, "eval_loss")[-1] > log_of(out, "eval_loss")[0]
    assert "**The held-out loss did not fall**" in (out / "README.md").read_text(encoding="utf-8")


def test_plots_leave_out_what_is_no_number() -> None:
    log = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}, {"step": 2, "eval_loss": 1.5}]
    drawn = plot_log("Loss & more", log, "loss")
    assert (count_dots(drawn, "training"), count_dots(drawn, "held out")) == (1, 1)
    assert "nan" not in drawn
    assert "Loss &amp; more" in drawn
    assert count_dots(plot_log("Nothing", [], "loss"), "training") == 0


# What it learns


@pytest.mark.slow
def test_sft_learns_what_it_can_say_of_prompts_it_has_not_seen(
    training_rows: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"full": True, "lora_r": None, "epochs": 25, "learning_rate": 0.005, "save_steps": 50}
    out = sft(training_rows, tmp_path / "out", tiny_llama, scheduler="cosine", **settings)
    losses = log_of(out, "eval_loss")
    assert min(losses) < 0.3 * losses[0]
    trained = TransformersLanguageModel(str(out), temperature=0, max_tokens=60)
    replies = [trained.reply(BRIEF.messages(prompt)) for prompt in PROMPTS[-8:]]
    assert sum(reply.text.endswith("right") for reply in replies) >= 6
    assert all(reply.finish_reason == "stop" for reply in replies)


@pytest.mark.slow
def test_dpo_learns_which_text_is_better_and_nothing_from_shuffled_labels(
    training_rows: Path, sft_rewriter: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"max_steps": 12, "learning_rate": 0.003}
    learned = dpo(training_rows, tmp_path / "out", sft_rewriter, **settings)
    shuffled = write_data(tmp_path / "shuffled")
    # On every other prompt the worse text is called the better one; what is held out stays as it is.
    write_rows(shuffled / "dpo.jsonl", [dpo_row(prompt, swapped=at % 2 == 1) for at, prompt in enumerate(PROMPTS[:24])])
    control = dpo(shuffled, tmp_path / "control", sft_rewriter, **settings)
    margins = {out: log_of(out, "eval_rewards/margins")[-1] for out in (learned, control)}
    assert log_of(learned, "eval_rewards/accuracies")[-1] == 1
    assert margins[learned] > 1
    assert abs(margins[control]) < margins[learned] / 3
