"""What befalls clips on their way to a judge: the pocket autoencoder, blur, noise, colour shifts, H.264."""

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from numpy.typing import NDArray

from agent.renderers.pocket import FPS, MODEL_FOLDER
from examples.pocket.vae import LATENT_CHANNELS, PATCH_PX, Latents
from feedback.clip import Clip
from feedback.video_file import read_clip, write_clip

MOST_LATENT_NOISE = 0.3
"""Standard deviation, where that of the latents is about 1: a denoised latent is never quite that of a clean clip."""


def load_vae(model: Path = MODEL_FOLDER) -> Any:
    """The autoencoder that ships with the pocket model."""
    return AutoencoderKLWan.from_pretrained(model / "vae", torch_dtype=torch.float32).eval()


class RoundTrip:
    """Clips through the pocket model's autoencoder and back, in two matrix products: what it does to them is linear."""

    def __init__(self, vae: Any) -> None:
        self._latents = Latents(vae)
        conv = vae.decoder.conv_out
        self._decode = conv.weight[
            :, :LATENT_CHANNELS, -1, conv.weight.shape[3] // 2, conv.weight.shape[4] // 2
        ].detach()
        self._bias = conv.bias.detach()
        self._spread = torch.tensor(vae.config.latents_std)

    def of(self, clips: NDArray[np.uint8], noise: NDArray[np.floating] | float = 0.0) -> NDArray[np.uint8]:
        """Clips [clip, frame, y, x, rgb] as decoded; `noise`, of the latents' shape, is added to them, normalized."""
        latents = self._latents.of(clips) + torch.as_tensor(noise)
        patches = (latents.permute(0, 2, 3, 4, 1) * self._spread) @ self._decode.T + self._bias
        grid = patches.unflatten(-1, (3, PATCH_PX, PATCH_PX)).permute(0, 1, 2, 6, 3, 5, 4)
        return ((grid.reshape(clips.shape).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()


def through_h264(clip: NDArray[np.uint8], crf: int = 12) -> NDArray[np.uint8]:
    """One clip as it is read back from the file that the loop would write."""
    with tempfile.TemporaryDirectory() as folder:
        write_clip(Clip(clip, FPS), file := Path(folder) / "clip.mp4", crf=crf)
        return read_clip(file).frames


def damage(coder: RoundTrip, clips: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A batch of clips, most of them through the autoencoder, each with some of the other harms or none."""
    n, t, h, w, _ = clips.shape
    noise = rng.standard_normal((n, LATENT_CHANNELS, t, h // PATCH_PX, w // PATCH_PX), np.float32)
    strength = np.float32(MOST_LATENT_NOISE) * rng.random((n, 1, 1, 1, 1), np.float32) ** 2
    coded = rng.random((n, 1, 1, 1, 1)) < 0.7
    return np.stack([_harmed(clip, rng) for clip in np.where(coded, coder.of(clips, noise * strength), clips)])


def _harmed(clip: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    pixels = clip.astype(np.float32)
    if rng.random() < 0.3:
        sigma = rng.uniform(0.3, 1.0)
        pixels = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in pixels])
    if rng.random() < 0.4:
        pixels = (pixels - 128) * rng.uniform(0.8, 1.15) + 128 + rng.normal(0, 10) + rng.normal(0, 6, 3)
    if rng.random() < 0.4:
        pixels = pixels + rng.uniform(0, 12) * rng.standard_normal(pixels.shape, np.float32)
    harmed = pixels.clip(0, 255).round().astype(np.uint8)
    if rng.random() < 0.03:
        return through_h264(harmed, crf=int(rng.integers(12, 36)))
    return harmed
