"""A trained model made narrower: what its output needs least is left out before training goes on.

    latent            turned onto its codewords' principal directions, the last ones cut off
    noise             of a refiner, and its share of each bin
    refiner           channels all through it, by `thinning`
    blocks            those that are missed least are left out, their mean goes to the one before
    hidden channels   left out by `elimination`, block after block, each seeing what those before it
                      now give

A network that was trained for long leaves much of itself idle, and what is cut beyond that comes
back within some thousand steps (docs/research.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from codec.backends.torch_model import CodecModel
from codec.backends.torch_networks import Block
from codec.config import PARTS, ModelConfig
from codec.errors import TrainingError
from training.run.elimination import least_loss
from training.run.thinning import thinned

_MEAN_WEIGHT = 50.0
"""Of a codebook's mean among its codewords, when directions are chosen: a shift of every frame."""

_LEAST_SCALE = 0.05
"""Of what a block adds; see `_raise_scale`."""


def is_narrower(config: ModelConfig, other: ModelConfig) -> bool:
    """Whether `config` asks for less than the `other` has, for more nowhere, and is alike otherwise
    but for look-aheads and stages. Which blocks will be left out, and so how wide those kept are,
    is seen later."""
    may_differ = {"latent_width", "refiner_noise", "expansion", "overlap", "num_stages"}
    may_differ |= {"refiner_width"}
    may_differ |= {f"{part}_{kind}" for part in PARTS for kind in ("hidden", "lookahead")}
    found = {name for name, value in config.to_dict().items() if value != getattr(other, name)}
    mine, theirs = _sizes(config), _sizes(other)
    less = all(
        len(narrow) <= len(wide) and max(narrow, default=0) <= max(wide, default=0)
        for narrow, wide in zip(mine, theirs, strict=True)
    )
    refined = bool(config.refiner_lookahead) == bool(other.refiner_lookahead)
    alike = found <= may_differ and refined
    return alike and less and mine != theirs


def _sizes(config: ModelConfig) -> list[tuple[int, ...]]:
    """Of the latent and each part's blocks, and of the refiner its width and whether it has noise,
    or nothing."""
    refined = bool(config.refiner_lookahead)
    of_refiner = (config.refiner_width,), (int(config.refiner_noise),)
    sizes = [(config.latent_width,), *(config.hidden(part) for part in PARTS)]
    return [*sizes, *(of_refiner if refined else ((), ()))]


@torch.no_grad()
def slimmed(model: CodecModel, config: ModelConfig, waves: Sequence[Tensor]) -> CodecModel:
    """A model with latent, blocks, hidden channels, noise and refiner's width of `config`, and all
    else `model`'s.

    Args:
        model: its parts are changed.
        waves: [B, 1, T] each, to see what the parts do with.

    Raises:
        TrainingError: a block that is kept has fewer hidden channels than it should get.
    """
    width = config.latent_width
    if width < model.config.latent_width:
        _turn_latent(model, _directions(model.quantizer.codewords(), width))
    if model.refiner is not None and not config.refiner_noise:
        _leave_out_noise(model)
    settings: dict[str, Any] = {"latent_width": width, "refiner_noise": config.refiner_noise}
    settings |= {f"{part}_hidden": config.hidden(part) for part in PARTS}
    if model.refiner is not None and config.refiner_width < model.config.refiner_width:
        settings["refiner_width"] = config.refiner_width
        thinned(model.refiner, config.refiner_width, _runs(model, "refiner", waves))
    for part in PARTS:
        stack = _stack(model, part)
        for block in stack:
            _raise_scale(block)
        run = _runs(model, part, waves)
        kept = _leave_out_blocks(stack, run, len(config.hidden(part)))
        settings[f"{part}_lookahead"] = tuple(model.config.lookahead(part)[i] for i in kept)
        for number, channels in zip(kept, config.hidden(part), strict=True):
            _narrow(stack[number], run, channels, f"block {number} of the {part}")
        _set_stack(model, part, nn.ModuleList(stack[i] for i in kept))
    slim = CodecModel(replace(model.config, **settings))
    slim.load_state_dict(model.state_dict())
    return slim


def _raise_scale(block: Block) -> None:
    """Scales away from zero, at the cost of the layer before: what comes to be added there would be
    divided by them, and learn by huge gradients."""
    scale = torch.where(block.scale.abs() < _LEAST_SCALE, _LEAST_SCALE, block.scale)
    share = block.scale / scale
    block.narrow.weight.mul_(share[:, None])
    block.narrow.bias.mul_(share)
    block.scale.copy_(scale)


def _directions(codewords: Tensor, width: int) -> Tensor:
    """Orthonormal directions that hold most of all codebooks, each at the same power.

    Shape: codewords [Q, K, D] -> [D, width].
    """
    power = codewords.double().square().sum(2).mean(1).sqrt()[:, None, None].clamp_min(1e-12)
    books = codewords.double() / power
    rows = torch.cat([books, _MEAN_WEIGHT * books.mean(1, keepdim=True)], dim=1).flatten(0, 1)
    _, _, directions = torch.linalg.svd(rows, full_matrices=False)
    return directions[:width].T.float()


def _turn_latent(model: CodecModel, directions: Tensor) -> None:
    """Shape: directions [D, width]."""
    encoder, decoder = model.encoder, model.decoder
    encoder.linear = _linear(directions.T @ encoder.linear.weight)
    leave = encoder.trunk.leave
    encoder.trunk.leave = _linear(directions.T @ leave.weight, directions.T @ leave.bias)
    decoder.linear = _linear(decoder.linear.weight @ directions)
    enter = decoder.trunk.enter
    decoder.trunk.enter = _linear(enter.weight @ directions, enter.bias)
    model.quantizer.codebooks = nn.Parameter(model.quantizer.codewords() @ directions)


def _leave_out_noise(model: CodecModel) -> None:
    refiner = model.refiner
    if refiner is not None and refiner.hear_noise is not None:
        refiner.hear_noise = None
        rows = 4 * refiner.num_bins
        refiner.leave = _linear(refiner.leave.weight[:rows], refiner.leave.bias[:rows])


def _stack(model: CodecModel, part: str) -> list[Block]:
    if part == "refiner":
        return list(model.refiner.blocks) if model.refiner is not None else []  # type: ignore[arg-type]
    return list(getattr(model, part).trunk.blocks)


def _set_stack(model: CodecModel, part: str, blocks: nn.ModuleList) -> None:
    if part == "refiner":
        if model.refiner is not None:
            model.refiner.blocks = blocks
    else:
        getattr(model, part).trunk.blocks = blocks


def _runs(model: CodecModel, part: str, waves: Sequence[Tensor]) -> Callable[[], Tensor]:
    """A function that sends the waves through the network, at all rates in turn, and gives the
    latents for the encoder, else the spectra of what is heard, as one row."""

    def run() -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # of a refiner's noise
            return heard()

    def heard() -> Tensor:
        found = []
        for number, wave in enumerate(waves):
            latent = model.analyse(wave)
            if part == "encoder":
                found.append(latent.flatten())
            else:
                num_stages = 1 + number % model.config.num_stages
                codes = model.quantizer.encode(latent, num_stages)
                spoken = model.synthesise(model.quantizer.decode(codes))
                found.append(model.spectrum.analyse(spoken).flatten())
        return torch.cat(found)

    return run


def _moments(blocks: Sequence[Block], run: Callable[[], Tensor]) -> list[Tensor]:
    """Second moments of each block's hidden channels and a constant 1."""
    found: dict[int, Tensor] = {}

    def watch(block: int) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def look(_: nn.Module, given: tuple[Tensor], __: Tensor) -> None:
            hidden = given[0].flatten(0, -2).double()
            hidden = torch.cat([hidden, torch.ones_like(hidden[:, :1])], dim=1)
            found[block] = found.get(block, 0.0) + hidden.T @ hidden

        return look

    hooks = [b.narrow.register_forward_hook(watch(number)) for number, b in enumerate(blocks)]
    run()
    for hook in hooks:
        hook.remove()
    return [found[number] / found[number][-1, -1] for number in range(len(blocks))]


def _weight(block: Block) -> Tensor:
    """A block's last layer with its bias and scale. Shape: -> [hidden + 1, C]."""
    narrow = block.narrow
    return torch.cat([narrow.weight.T, narrow.bias[None]]).double() * block.scale.double()


def _most_missed(
    blocks: Sequence[Block], run: Callable[[], Tensor], means: Sequence[Tensor], count: int
) -> list[int]:
    """Numbers of the blocks to keep: those that look ahead come first, then those without which the
    output changes most."""
    whole = run()
    missed = []
    for block, mean in zip(blocks, means, strict=True):
        hook = block.register_forward_hook(lambda _, x, __, mean=mean: x[0] + mean)
        missed.append(torch.inf if block.padding[1] else float((run() - whole).square().sum()))
        hook.remove()
    order = sorted(range(len(blocks)), key=lambda number: -missed[number])
    return sorted(order[:count])


def _leave_out_blocks(blocks: Sequence[Block], run: Callable[[], Tensor], count: int) -> list[int]:
    """Numbers of the blocks kept. The mean of what another adds goes to the one kept before it, or
    is lost with the first."""
    if count == len(blocks):
        return list(range(count))
    moments = _moments(blocks, run)
    means = [(m[-1] @ _weight(b)).float() for m, b in zip(moments, blocks, strict=True)]
    kept = _most_missed(blocks, run, means, count)
    for number in sorted(set(range(len(blocks))) - set(kept)):
        if before := [other for other in kept if other < number]:
            last = blocks[before[-1]]
            last.narrow.bias.add_(means[number] / last.scale)
        blocks[number].scale.zero_()
    return kept


def _narrow(block: Block, run: Callable[[], Tensor], channels: int, name: str) -> None:
    hidden = block.narrow.in_features
    if channels > hidden:
        raise TrainingError(
            f"{name}, which is kept, has {hidden} hidden channels, and the recipe asks for "
            f"{channels}; ask for fewer, or in another order"
        )
    if channels == hidden:
        return
    (moments,) = _moments([block], run)
    kept, weight = least_loss(moments, _weight(block), channels)
    weight /= block.scale.double()
    block.widen = _linear(block.widen.weight[kept], block.widen.bias[kept])
    block.narrow = _linear(weight[:-1].T.float(), weight[-1].float())


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer
