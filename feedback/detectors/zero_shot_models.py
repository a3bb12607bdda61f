"""How the zero-shot detectors of transformers are asked, and where in their output the answer to each query stands."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from feedback.detectors.queries import without_article
from feedback.errors import FeedbackError
from feedback.load_pretrained import load_part
from feedback.pretrained import Pretrained
from feedback.torch_models import INSTALL_HINT

try:
    import torch
    from transformers import AutoProcessor
    from transformers.image_transforms import center_to_corners_format
except ImportError as error:
    raise FeedbackError(f"the detector 'zero-shot' needs more packages ({error}): {INSTALL_HINT}") from error


class Sight(NamedTuple):
    """What a model sees in some frames, on the model's device."""

    boxes: torch.Tensor
    """float32 [frames, boxes, 4]: left, top, right, bottom in pixels; may reach beyond the frame."""
    scores: torch.Tensor
    """float32 [frames, boxes, queries], 0..1: how well each box fits each query."""


class ZeroShotModel(Protocol):
    """One family of models: asks about all queries at once."""

    threshold: float
    """The family's usual least score of a detection, as in transformers."""

    def reads(self, query: str) -> bool:
        """Whether the text side takes this query whole, every word of it known."""
        ...

    def look(self, model: Any, frames: np.ndarray, queries: Sequence[str]) -> Sight:
        """At uint8 [n, h, w, 3], for queries that it reads."""
        ...


def open_model(files: Pretrained) -> ZeroShotModel:
    """The family of this model. Raises FeedbackError when it is none of them."""
    match files.model_type:
        case "owlvit" | "owlv2":
            return Owl(files)
        case "grounding-dino" | "mm-grounding-dino":
            return GroundingDino(files)
        case other:
            raise FeedbackError(
                f"the model {files.name} is a {other}, which is no detector that is known here: "
                "owlvit, owlv2, grounding-dino, mm-grounding-dino"
            )


class Owl:
    """OWL-ViT and OWLv2: every query is a text of its own, and has a score for every box."""

    threshold = 0.1

    def __init__(self, files: Pretrained):
        self._processor = load_part(AutoProcessor, files)
        self._most_tokens = files.config.text_config.max_position_embeddings
        self._is_padded = files.model_type == "owlv2"

    def reads(self, query: str) -> bool:
        """Within 16 tokens, of the models that are published."""
        return len(self._processor.tokenizer(query, verbose=False)["input_ids"]) <= self._most_tokens

    def look(self, model: Any, frames: np.ndarray, queries: Sequence[str]) -> Sight:
        """One pass."""
        inputs: Any = self._processor(
            text=[list(queries)] * len(frames),
            images=_pictures(frames),
            padding="max_length",
            max_length=self._most_tokens,
            return_tensors="pt",
        )
        with torch.inference_mode():
            output = model(**inputs.to(model.device, model.dtype))
        height, width = frames.shape[1:3]
        # OWLv2 fills the frame up to a square at the right or the bottom; its boxes are shares of that square.
        seen = (max(height, width),) * 2 if self._is_padded else (height, width)
        return Sight(_boxes(output, *seen), output.logits.float().sigmoid())


class GroundingDino:
    """Grounding DINO: all queries are one text, "a red ball. a box.", and every token has a score for every box.

    Read out as phrases such scores give pieces ("red", "ball box"). Here a query's score is the mean over the tokens of
    its words, so that an answer is always one of the queries, and a box that is only half of one scores lower.
    """

    threshold = 0.25

    def __init__(self, files: Pretrained):
        self._processor = load_part(AutoProcessor, files)
        self._most_tokens = files.config.max_text_len
        self._name = files.name

    def reads(self, query: str) -> bool:
        """Short enough, and no word unknown to the tokenizer."""
        tokenizer = self._processor.tokenizer
        tokens = tokenizer(f"{query}.", verbose=False)["input_ids"]
        return len(tokens) <= self._most_tokens and tokenizer.unk_token_id not in tokens

    def look(self, model: Any, frames: np.ndarray, queries: Sequence[str]) -> Sight:
        """One pass. FeedbackError when the queries together are longer than the text side reads."""
        text = " ".join(f"{query}." for query in queries)
        tokens = self._tokens_of(queries, text)
        inputs: Any = self._processor(text=[text] * len(frames), images=_pictures(frames), return_tensors="pt")
        with torch.inference_mode():
            output = model(**inputs.to(model.device, model.dtype))
        of_tokens = output.logits.float().sigmoid()
        scores = torch.stack([of_tokens[..., places].mean(-1) for places in tokens], dim=-1)
        return Sight(_boxes(output, *frames.shape[1:3]), scores)

    def _tokens_of(self, queries: Sequence[str], text: str) -> list[list[int]]:
        """For every query the places of its words' tokens in the text, its article aside."""
        spans = self._processor.tokenizer(text, return_offsets_mapping=True, verbose=False)["offset_mapping"]
        if len(spans) > self._most_tokens:
            raise FeedbackError(
                f"{len(queries)} things to look for are {len(spans)} tokens; {self._name} reads {self._most_tokens}"
            )
        places, end = [], 0
        for query in queries:
            end = text.index(f"{query}.", end) + len(query)
            start = end - len(without_article(query))
            places.append([place for place, (first, last) in enumerate(spans) if start <= first < last <= end])
        return places


def _pictures(frames: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in frames]


def _boxes(output: Any, height: int, width: int) -> torch.Tensor:
    boxes: Any = center_to_corners_format(output.pred_boxes.float())
    return boxes * torch.tensor([width, height, width, height], device=boxes.device)
