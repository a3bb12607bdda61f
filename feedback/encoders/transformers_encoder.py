"""Encoders of transformers in this process: CLIP, SigLIP, X-CLIP for clips and texts; DINOv2 and DINOv3 for clips."""

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from PIL import Image

from feedback.clip import Clip
from feedback.errors import FeedbackError
from feedback.held_model import HeldModel
from feedback.load_pretrained import load_part, load_weights
from feedback.pretrained import find_pretrained
from feedback.resident import HoldsModel
from feedback.text_pieces import TextPiece, split_text
from feedback.torch_batches import Batches
from feedback.torch_models import INSTALL_HINT, find_device, find_dtype

try:
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
except ImportError as error:
    raise FeedbackError(f"this encoder needs more packages ({error}): {INSTALL_HINT}") from error

_SIGMOID = ("siglip", "siglip2")
"""Trained with a sigmoid on every pair, and on texts padded to full length without a mask."""
_WHOLE_CLIP = ("xclip",)
_WITH_TEXTS = ("clip", *_SIGMOID, *_WHOLE_CLIP)
_PICTURES_ONLY = ("dinov2", "dinov2_with_registers", "dinov3_vit", "dinov3_convnext")

FRAMES_AT_ONCE = 32
TEXTS_AT_ONCE = 64


class TransformersEncoder(HoldsModel[HeldModel]):
    """An `Encoder` and a `Resident`: one model, loaded at its first use and once, however many sources share it.

    A clip's vectors are kept as long as the clip is, so that sources that share an encoder see it once. Of X-CLIP the
    plain text side is used, not its prompting of texts by the video. Safe to use from threads.

    Args:
        model: A folder, or an id on the hub.
        revision: On the hub: a branch, a tag or a commit.
        device: "auto" is the accelerator if there is one.
        dtype: "auto" is bfloat16 on an accelerator, float32 on a CPU.

    Raises:
        FeedbackError: There is no such model, or it is of another kind.
    """

    def __init__(self, model: str, revision: str | None = None, device: str = "auto", dtype: str = "auto"):
        self.name = model
        self.device = find_device(device)
        self.dtype = find_dtype(dtype, self.device)
        files = find_pretrained(model, revision)
        kind = files.model_type
        if kind not in (*_WITH_TEXTS, *_PICTURES_ONLY):
            known = ", ".join((*_WITH_TEXTS, *_PICTURES_ONLY))
            raise FeedbackError(f"the model {model} is a {kind}, which is no encoder that is known here: {known}")
        self.reads_texts, self.by_frame = kind in _WITH_TEXTS, kind not in _WHOLE_CLIP
        self._has_sigmoid, self._config = kind in _SIGMOID, files.config
        self._held = HeldModel(files, self.device, self.dtype, lambda: self._load(files))
        self._image_processor = load_part(AutoImageProcessor, files)
        self._tokenizer: Any = load_part(AutoTokenizer, files) if self.reads_texts else None
        self._frames = Batches(FRAMES_AT_ONCE, self.device, "frames")
        self._texts = Batches(TEXTS_AT_ONCE, self.device, "texts")
        self._seen: WeakKeyDictionary[Clip, np.ndarray] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def encode_frames(self, clip: Clip) -> np.ndarray:
        """float32 [t, d] of all frames; of X-CLIP [1, d], by as many frames as it was trained on, evenly chosen."""
        with self._lock:
            if clip not in self._seen:
                if self.by_frame:
                    self._seen[clip] = np.stack(self._frames.run(clip.frames, self._pictures))
                else:
                    chosen = np.linspace(0, clip.num_frames - 1, self._config.vision_config.num_frames)
                    self._seen[clip] = np.stack(
                        self._frames.run([clip.frames[chosen.round().astype(int)]], self._video)
                    )
            return self._seen[clip].copy()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [m, d]. ValueError for a text that is too long to be read whole: see `split_text`."""
        self._need_texts()
        for text in texts:
            if (found := self._count_tokens(text)) > self._most_tokens:
                raise ValueError(f"a text of {found} tokens; {self.name} reads {self._most_tokens}: use split_text")
        with self._lock:
            return np.stack(self._texts.run(texts, self._words))

    def split_text(self, text: str) -> list[TextPiece]:
        """The text whole if the model reads it whole, else at sentences, clauses or words."""
        self._need_texts()
        return split_text(text, self._count_tokens, self._most_tokens)

    def probability(self, cosines: np.ndarray) -> np.ndarray | None:
        """By SigLIP's learned scale and bias; None for the others."""
        if not self._has_sigmoid:
            return None
        model = self._held.get()
        scale, bias = model.logit_scale.detach().float().exp().item(), model.logit_bias.item()
        return 1 / (1 + np.exp(-(scale * cosines + bias)))

    def _load(self, files: Any) -> Any:
        return load_weights(AutoModel, files, self.dtype, self.device)

    def _pictures(self, frames: np.ndarray) -> np.ndarray:
        inputs = self._prepared(frames)
        model = self._held.get()
        with torch.inference_mode():
            return _unit((model.get_image_features if self.reads_texts else model)(**inputs).pooler_output)

    def _video(self, videos: Sequence[np.ndarray]) -> np.ndarray:
        (frames,) = videos
        pixels = self._prepared(frames)["pixel_values"]
        # Some checkpoints come with a processor of videos, [1, t, c, h, w]; others with one of pictures, [t, c, h, w].
        pixels = pixels.reshape(1, len(frames), *pixels.shape[-3:])
        with torch.inference_mode():
            return _unit(self._held.get().get_video_features(pixel_values=pixels).pooler_output)

    def _words(self, texts: Sequence[str]) -> np.ndarray:
        inputs = self._tokenizer(
            [self._plain(text) for text in texts],
            padding="max_length",
            max_length=self._config.text_config.max_position_embeddings,
            return_attention_mask=not self._has_sigmoid,
            return_tensors="pt",
        )
        known = {name: inputs[name].to(self.device) for name in ("input_ids", "attention_mask") if name in inputs}
        with torch.inference_mode():
            return _unit(self._held.get().get_text_features(**known).pooler_output)

    def _prepared(self, frames: np.ndarray) -> Any:
        pictures = [Image.fromarray(frame) for frame in frames]
        return self._image_processor(pictures, return_tensors="pt").to(self.device, self.dtype)

    def _plain(self, text: str) -> str:
        """In lower case, as all of them are trained on, and without what the tokenizer takes for the text's end."""
        for token in self._tokenizer.all_special_tokens:
            text = text.replace(token, " ")
        return text.lower().strip()

    def _count_tokens(self, text: str) -> int:
        return len(self._tokenizer(self._plain(text), add_special_tokens=False, verbose=False)["input_ids"])

    @property
    def _most_tokens(self) -> int:
        """What a text may have, beside the tokens that the tokenizer adds to every one."""
        return self._config.text_config.max_position_embeddings - len(self._tokenizer("")["input_ids"])

    def _need_texts(self) -> None:
        if not self.reads_texts:
            raise FeedbackError(f"the encoder {self.name} reads no texts: name one that does, such as CLIP or SigLIP")


def _unit(vectors: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()
