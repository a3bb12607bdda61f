"""MiniLM by torch, with mean pooling as one module: what runs in bfloat16, and what is exported to ONNX."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from graph_store.embedder import DEFAULT_MODEL
from graph_store.minilm import MAX_TOKENS, MiniLM
from graph_store.sentence_embedder import SentenceEmbedder


class Pooled(nn.Module):
    """A BERT encoder that ends in one vector of unit length a text."""

    def __init__(self, bert: nn.Module):
        super().__init__()
        self.bert = bert

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[texts, tokens] ids and mask to float32 [texts, width]."""
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask[..., None].float()
        return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1)


def load_parts() -> tuple[Tokenizer, Pooled]:
    """The tokenizer, cutting at 256 tokens, and the model in float32 on the CPU.

    Raises:
        GraphStoreError: The model can't be had.
    """
    model: Any = SentenceEmbedder(DEFAULT_MODEL, device="cpu").model
    tokenizer = copy.deepcopy(model.tokenizer.backend_tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    bert = model[0].auto_model
    bert.set_attn_implementation("eager")  # faster than fused attention on texts this short
    return tokenizer, Pooled(bert).eval()


def open_torch(dtype: str) -> MiniLM:
    """MiniLM in a dtype of torch, e.g. "bfloat16"."""
    tokenizer, module = load_parts()
    module.to(getattr(torch, dtype))

    def forward(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return module(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()

    return MiniLM(tokenizer, forward)
