"""Frames that get lost on the way, as the decoder of a conversation stands in for them.

The decoder learns with what it will hear then (`codec.live.concealment`): the last latent that
came, or a straight line to the next one where that is known.
"""

import torch
from torch import Tensor


def stand_in(latent: Tensor, lost: Tensor, bridged: Tensor) -> Tensor:
    """Latents with lost ones replaced, by a line to the next one if bridged, else by the last one.

    No gradient reaches a frame through those that stand in for its neighbours. The first and the
    last frame are never taken for lost.

    Shape: latent [B, D, F], lost [B, F] bool, bridged [B] bool -> [B, D, F].
    """
    if not lost.any():
        return latent
    frames = torch.arange(latent.shape[2], device=latent.device).expand_as(lost)
    known = ~lost
    known[:, 0] = known[:, -1] = True
    before = torch.where(known, frames, 0).cummax(1).values
    after = torch.where(known, frames, frames.shape[1] - 1).flip(1).cummin(1).values.flip(1)
    share = (frames - before) / (after - before).clamp(min=1)
    share[~bridged] = 0.0
    heard = latent.detach()
    last, coming = (
        heard.gather(2, place.unsqueeze(1).expand_as(heard)) for place in (before, after)
    )
    between = last + share.unsqueeze(1).to(last.dtype) * (coming - last)
    return torch.where(known.unsqueeze(1), latent, between)
