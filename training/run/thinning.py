"""A refiner's channels left out all through it: those that go from block to block to its output.

    wave, decoder --> channels --+--> blocks --+--> output
                                 |             |
                                 +------- + ---+          every map in a block and the last one
                                                          reads them behind a layer norm

What a channel costs is what each of these maps loses without it, at least squares, as a share of
the map's power. Then map after map is fitted to what it gave before, on what the channels that stay
now give.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codec.backends.torch_networks import Block
from codec.backends.torch_refiner import Refiner
from training.run.elimination import Elimination

_DAMPING = 1e-4
"""Of the mean second moment, where maps are fitted."""


@torch.no_grad()
def thinned(refiner: Refiner, width: int, run: Callable[[], Any]) -> None:
    """Leave out all but `width` channels, in place.

    Args:
        run: sends something through the refiner, always the same.
    """
    maps = _maps(refiner)
    seen, weights = _watch(maps, run), [_weight(layer) for layer in maps]
    _leave_out(refiner, _least_missed(seen, weights, width))
    for layer, before, weight in zip(maps, seen, weights, strict=True):
        (now,) = _watch([layer], run)
        fitted = _fit(now, before @ weight)
        layer.weight.copy_(fitted[:-1].T)
        layer.bias.copy_(fitted[-1])


def _blocks(refiner: Refiner) -> list[Block]:
    return list(refiner.blocks)  # type: ignore[arg-type]


def _maps(refiner: Refiner) -> list[nn.Linear]:
    """What reads the channels, in order."""
    return [*(block.widen for block in _blocks(refiner)), refiner.leave]


def _weight(layer: nn.Linear) -> Tensor:
    """With its bias. Shape: -> [C + 1, outputs]."""
    return torch.cat([layer.weight.T, layer.bias[None]]).double()


def _watch(layers: Sequence[nn.Linear], run: Callable[[], Any]) -> list[Tensor]:
    """What comes into each layer, and a constant 1. Shape: -> [N, C + 1] each."""
    found: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}

    def look(layer: nn.Module, given: tuple[Tensor], _: Tensor) -> None:
        rows = given[0].flatten(0, -2).double()
        found[layer].append(torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1))

    hooks = [layer.register_forward_hook(look) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    return [torch.cat(found[layer]) for layer in layers]


def _least_missed(seen: Sequence[Tensor], weights: Sequence[Tensor], keep: int) -> Tensor:
    """Numbers of the channels to keep.

    Shape: seen [N, C + 1], weights [C + 1, outputs] each -> [keep] int64.
    """
    maps = []
    for rows, weight in zip(seen, weights, strict=True):
        spread = (rows @ weight).var(dim=0).sum().sqrt().clamp_min(1e-12)
        maps.append(Elimination(rows.T @ rows / len(rows), weight / spread))
    for _ in range(len(weights[0]) - 1 - keep):
        out = int(torch.stack([linear.costs() for linear in maps]).sum(0).argmin())
        for linear in maps:
            linear.leave_out(out)
    return maps[0].remaining[:-1].nonzero()[:, 0]


def _leave_out(refiner: Refiner, kept: Tensor) -> None:
    width = refiner.enter.out_features
    rows = torch.cat([kept + turn * width for turn in range(refiner.ratio)])
    _keep_outputs(refiner.enter, kept)
    _keep_outputs(refiner.see, rows)
    if refiner.hear_noise is not None:
        _keep_outputs(refiner.hear_noise, kept)
    for block in _blocks(refiner):
        _thin_block(block, kept)
    _keep_norm(refiner.norm, kept)
    _keep_inputs(refiner.leave, kept)


def _thin_block(block: Block, kept: Tensor) -> None:
    over_time = nn.Conv1d(len(kept), len(kept), block.over_time.kernel_size[0], groups=len(kept))
    kernels = block.over_time.state_dict()
    over_time.load_state_dict({name: value[kept] for name, value in kernels.items()})
    block.over_time = over_time
    _keep_norm(block.norm, kept)
    _keep_inputs(block.widen, kept)
    _keep_outputs(block.narrow, kept)
    block.scale = nn.Parameter(block.scale[kept])


def _keep_outputs(layer: nn.Linear, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight[kept])
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias[kept])
    layer.out_features = len(kept)


def _keep_inputs(layer: nn.Linear, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight[:, kept])
    layer.in_features = len(kept)


def _keep_norm(norm: nn.LayerNorm, kept: Tensor) -> None:
    norm.weight = nn.Parameter(norm.weight[kept])
    norm.bias = nn.Parameter(norm.bias[kept])
    norm.normalized_shape = (len(kept),)


def _fit(seen: Tensor, goal: Tensor) -> Tensor:
    """Least squares. Shape: seen [N, C + 1], goal [N, outputs] -> [C + 1, outputs]."""
    moments = seen.T @ seen
    damping = _DAMPING * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments + damping, seen.T @ goal)
