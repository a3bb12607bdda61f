"""An adapter laid into its base: a whole model, for servers and tools that take no adapters."""

import shutil
from pathlib import Path

from agent.llm.chat_format import ChatFormat, find_chat_model
from agent.llm.lora_adapter import find_adapter
from agent.rewriter_card import read_card, write_card
from agent.run_folder import write_text
from finetune.errors import DistillError
from finetune.training.card import describe_merged

try:
    import torch

    from agent.llm.lora_loading import load_lora
    from agent.llm.transformers_local import load_chat_model
except ImportError as error:
    raise DistillError(f'merging needs more packages ({error}): pip install "retake[train]"') from error


def merge(adapter: Path, output_dir: Path) -> None:
    """Writes the merged rewriter, in the base's own number format, whole or not at all.

    Raises DistillError or UsageError when the one is no adapter or the other is there.
    """
    card = read_card(adapter)
    if card.kind == "model":
        raise DistillError(f"{adapter} is a whole model already: there is nothing to merge")
    if output_dir.exists():
        raise DistillError(f"{output_dir} is there: choose a folder that is not")
    files = find_chat_model(card.base, card.base_revision)
    found = find_adapter(str(adapter))
    dtype = files.config.get_text_config().dtype or torch.float32
    # In float32, so that a small change is not rounded away before it is added.
    model = load_lora(load_chat_model(files, torch.float32, torch.device("cpu")), found).merge_and_unload()
    draft = output_dir.with_name(f".{output_dir.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    model.to(dtype).save_pretrained(draft)
    ChatFormat(files).tokenizer.save_pretrained(draft)
    write_text(draft / "README.md", describe_merged(output_dir.name, adapter.name, card))
    write_card(draft, card.model_copy(update={"kind": "model"}))
    draft.replace(output_dir)
