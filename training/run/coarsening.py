"""A refiner made coarser: the same windows, fewer of them.

    before   |--- frame 0 ---|                             hop 80
                |--- frame 1 ---|
                   |--- frame 2 ---|
                      |--- frame 3 ---|
    after       |--- frame 0 ---|                          hop 160: frame m was frame 2m + 1
                      |--- frame 1 ---|

Maps of one frame stay as they are. A kernel over time keeps its taps where they were, each shared
by the two frames on either side of it, the nearer one getting more.
"""

from dataclasses import replace

import torch
from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig


def is_coarser(config: ModelConfig, other: ModelConfig) -> bool:
    """Whether `config` asks for the `other`'s windows in the refiner, but fewer of them. Neither
    may have noise, of which a frame hears a hop."""
    fewer = config.refiner_hop > other.refiner_hop and config.refiner_hop % other.refiner_hop == 0
    alike = config.refiner_window_size == other.refiner_window_size
    return fewer and alike and not (config.refiner_noise or other.refiner_noise)


@torch.no_grad()
def coarsened(model: CodecModel, config: ModelConfig) -> CodecModel:
    """A model with the refiner's hop of `config`, and all else `model`'s.

    Args:
        model: one whose refiner has no noise.
    """
    hop, overlap = config.refiner_hop, config.refiner_overlap
    coarse = CodecModel(replace(model.config, refiner_hop=hop, refiner_overlap=overlap))
    times = hop // model.config.refiner_hop
    weights = model.state_dict()
    for name in ("refiner.see.weight", "refiner.see.bias"):
        ratio, width = model.config.hop // model.config.refiner_hop, model.config.refiner_width
        turns = weights[name].unflatten(0, (ratio, width))
        weights[name] = turns[times - 1 :: times].flatten(0, 1)
    for number, lookahead in enumerate(model.config.refiner_lookahead):
        name = f"refiner.blocks.{number}.over_time.weight"
        weights[name] = _coarse(weights[name], lookahead, times)
    coarse.load_state_dict(weights)
    return coarse


def _coarse(kernel: Tensor, lookahead: int, times: int) -> Tensor:
    """A kernel over frames that are `times` as far apart, of as many taps. Shape: [C, 1, k]."""
    size = kernel.shape[-1]
    now = size - 1 - lookahead  # the tap that sees the frame itself
    found = torch.zeros_like(kernel)
    for tap in range(size):
        place = now + (tap - now) / times
        before = int(place)
        share = place - before
        found[..., before] += (1.0 - share) * kernel[..., tap]
        if share:
            found[..., before + 1] += share * kernel[..., tap]
    return found
