"""Attention for training: what Wan computes, in operations that are fast on a CPU, with padding that costs nothing.

The pipeline pads every text with zeros to `max_sequence_length`, and the transformer attends to them unmasked. All
those rows are alike, so one row stands for n of them when log(n) is added to its attention score.
"""

from typing import Any

import torch
from torch import Tensor


class PaddedCrossAttention:
    """Processor of WanAttention, of both kinds; the last row of the text is the padding."""

    def __init__(self) -> None:
        self._bias: Tensor | None = None

    def set_padding(self, mask: Tensor, padding: Tensor) -> None:
        """For the texts to come: mask [batch, token] of 1 for words, and how many rows of padding each has, [batch]."""
        bias = torch.zeros(mask.shape[0], mask.shape[1] + 1)
        bias[:, :-1].masked_fill_(mask == 0, -torch.inf)
        bias[:, -1] = padding.float().log()
        self._bias = bias[:, None, None]

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,  # noqa: ARG002 - WanAttention passes it
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Attention output [batch, token, width]; without `encoder_hidden_states` tokens attend to each other."""
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key = attn.norm_q(attn.to_q(hidden_states).float()), attn.norm_k(attn.to_k(source).float())
        value = attn.to_v(source)
        query, key, value = (x.unflatten(2, (attn.heads, -1)).transpose(1, 2) for x in (query, key, value))
        if rotary_emb is not None:
            cos, sin = (table.transpose(1, 2) for table in rotary_emb)
            query, key = query * cos + _quarter_turn(query) * sin, key * cos + _quarter_turn(key) * sin
        scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
        if encoder_hidden_states is not None:
            scores = scores + self._bias
        mixed = scores.softmax(-1) @ value
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))


def install_training_attention(transformer: Any) -> PaddedCrossAttention:
    """Puts it into every block of a WanTransformer3DModel."""
    processor = PaddedCrossAttention()
    for block in transformer.blocks:
        block.attn1.set_processor(processor)
        block.attn2.set_processor(processor)
    return processor


def _quarter_turn(pairs: Tensor) -> Tensor:
    """Each pair (a, b) of neighbours in the last dimension as (-b, a)."""
    return torch.stack((-pairs[..., 1::2], pairs[..., 0::2]), -1).flatten(-2)
