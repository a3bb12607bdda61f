"""A video autoencoder without training: diffusers' AutoencoderKLWan with weights that make it a linear projection.

Each 4 x 4 patch of a frame is projected on the 16 principal directions of the drawn patches, and back. The layers
between are made to do nothing: a channel of constant value K makes RMS normalization the identity (up to |x|²/2K²), and
silu(a) - silu(-a) = a. Frames are coded one by one; frames are not compressed in time.
"""

from typing import Any, cast

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from numpy.typing import NDArray
from torch import Tensor

LATENT_CHANNELS = 16
PATCH_PX = 4
_K = 1000.0


def fit_vae(clips: NDArray[np.uint8]) -> AutoencoderKLWan:
    """The autoencoder for clips like these, uint8 [clip, frame, y, x, rgb]."""
    patches = _patchify(torch.from_numpy(clips).float() / 127.5 - 1)
    mean = patches.mean(0)
    _, spread, directions = torch.linalg.svd(torch.cov((patches - mean).T))
    encode = directions[:LATENT_CHANNELS]
    deviations = spread[:LATENT_CHANNELS].sqrt()
    # Half way to white: the small components keep less weight than the large ones, but are not drowned by the noise.
    scale = (deviations * deviations.square().mean().sqrt()).sqrt()
    scale *= (deviations / scale).square().mean().sqrt()
    z = LATENT_CHANNELS
    vae = AutoencoderKLWan(
        base_dim=2 * z + 1,
        z_dim=z,
        dim_mult=[1],
        num_res_blocks=0,
        attn_scales=[],
        temperal_downsample=[],
        is_residual=False,
        patch_size=PATCH_PX,
        in_channels=3 * PATCH_PX**2,
        out_channels=3 * PATCH_PX**2,
        scale_factor_temporal=1,
        scale_factor_spatial=PATCH_PX,
        latents_mean=[0.0] * z,
        latents_std=[round(value, 6) for value in scale.tolist()],
    )
    _set_weights(vae, encode, mean)
    return vae.eval()


@torch.no_grad()
def _set_weights(vae: AutoencoderKLWan, encode: Tensor, mean: Tensor) -> None:
    z, width = LATENT_CHANNELS, 2 * LATENT_CHANNELS + 1
    for name, weight in vae.named_parameters():
        weight.fill_(1.0 if name.endswith("gamma") else 0.0)
    identity = torch.eye(z)
    both_signs = torch.cat([encode, -encode])
    encoder, decoder = cast("Any", vae.encoder), cast("Any", vae.decoder)

    def middle(conv: Any) -> Tensor:
        """The tap of a causal convolution that sees the same pixel of the same frame."""
        weight = conv.weight
        return weight[:, :, -1, weight.shape[3] // 2, weight.shape[4] // 2]

    middle(encoder.conv_in)[: 2 * z] = both_signs
    encoder.conv_in.bias[: 2 * z] = -both_signs @ mean
    encoder.conv_in.bias[-1] = _K
    encoder.norm_out.gamma.fill_(_K / width**0.5)
    middle(encoder.conv_out)[:z, : 2 * z] = torch.cat([identity, -identity], 1)
    encoder.conv_out.bias[z:] = -30.0
    middle(vae.quant_conv)[:] = torch.eye(2 * z)
    middle(vae.post_quant_conv)[:] = identity
    middle(decoder.conv_in)[: 2 * z] = torch.cat([identity, -identity])
    decoder.conv_in.bias[-1] = _K
    decoder.norm_out.gamma.fill_(_K / width**0.5)
    middle(decoder.conv_out)[:, : 2 * z] = both_signs.T
    decoder.conv_out.bias[:] = mean


def _patchify(pixels: Tensor) -> Tensor:
    """[clip, frame, y, x, rgb] to [patch, value], the values ordered as AutoencoderKLWan orders them."""
    n, t, h, w, c = pixels.shape
    p = PATCH_PX
    grid = pixels.reshape(n, t, h // p, p, w // p, p, c)
    return grid.permute(0, 1, 2, 4, 6, 5, 3).reshape(-1, c * p * p)


class Latents:
    """Clips to normalized latents, as `vae` and WanPipeline have it, in one matrix product."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        z = LATENT_CHANNELS
        conv, config = cast("Any", vae.encoder.conv_in), cast("Any", vae.config)
        weight = conv.weight
        self._encode = weight[:z, :, -1, weight.shape[3] // 2, weight.shape[4] // 2].detach()
        self._bias = conv.bias[:z].detach()
        self._scale = torch.tensor(config.latents_std)

    def of(self, clips: NDArray[np.uint8]) -> Tensor:
        """Float32 [clip, channel, frame, y, x] for uint8 [clip, frame, y, x, rgb]."""
        n, t, h, w, _ = clips.shape
        values = _patchify(torch.from_numpy(clips).float() / 127.5 - 1) @ self._encode.T + self._bias
        grid = (values / self._scale).reshape(n, t, h // PATCH_PX, w // PATCH_PX, -1)
        return grid.permute(0, 4, 1, 2, 3).contiguous()
