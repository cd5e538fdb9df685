"""The layers of the networks as ONNX nodes; `torch_networks` has them as a reader expects them.

Layout inside: [B, F, C].
"""

from collections.abc import Sequence

import numpy as np

from codec.export.graph import Graph


def linear(g: Graph, name: str, x: str) -> str:
    """A matrix, and a bias if there is one. Shape: [B, F, inputs] -> [B, F, outputs]."""
    y = g("MatMul", x, g.constant(g.raw(f"{name}.weight").T, f"{name}.matrix"))
    return g("Add", y, g.weight(f"{name}.bias")) if g.has(f"{name}.bias") else y


def norm(g: Graph, name: str, x: str) -> str:
    """Layer norm. Shape: [B, F, C] -> [B, F, C]."""
    scale, bias = g.weight(f"{name}.weight"), g.weight(f"{name}.bias")
    return g("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)


def blocks(g: Graph, name: str, x: str, lookahead: Sequence[int]) -> str:
    """A stack of ConvNeXt blocks. Shape: [B, F, C] -> [B, F, C]."""
    for number, frames in enumerate(lookahead):
        x = g("Add", x, _block(g, f"{name}.{number}", x, frames))
    return x


def _block(g: Graph, name: str, x: str, lookahead: int) -> str:
    kernel = g.raw(f"{name}.over_time.weight")  # [C, 1, k]
    pads = [kernel.shape[2] - 1 - lookahead, lookahead]
    over_time = g.weight(f"{name}.over_time.weight"), g.weight(f"{name}.over_time.bias")
    context = g("Conv", turned(g, x), *over_time, group=len(kernel), pads=pads)
    hidden = linear(g, f"{name}.widen", norm(g, f"{name}.norm", turned(g, context)))
    narrow = linear(g, f"{name}.narrow", gelu(g, hidden))
    return g("Mul", narrow, g.weight(f"{name}.scale"))


def turned(g: Graph, x: str) -> str:
    """Frames and channels in each other's place. Shape: [B, F, C] -> [B, C, F], and back."""
    return g("Transpose", x, perm=[0, 2, 1])


def gelu(g: Graph, x: str) -> str:
    """GELU by its tanh formula, spelt out: the operator came with opset 20."""
    cube = g("Mul", g("Mul", x, x), x)
    inner = g("Add", x, g("Mul", cube, g.number(0.044715)))
    bent = g("Tanh", g("Mul", inner, g.number(float(np.sqrt(2.0 / np.pi)))))
    return g("Mul", g("Mul", x, g.number(0.5)), g("Add", bent, g.number(1.0)))
