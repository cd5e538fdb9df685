"""Noise substitution (Vali & Bäckström, "NSVQ", IEEE Access 10, 2022, eq. 7)."""

import torch
from torch import Tensor


def substitute_noise(x: Tensor, quantized: Tensor) -> Tensor:
    """`x + ‖x - quantized‖ · v / ‖v‖` with v ~ N(0, I), one v per vector.

    The result is as far from x as the codeword is, in a random direction; gradients reach x and,
    through the error's norm, the codewords.

    Shape: x [..., D], quantized [..., D] -> [..., D].
    """
    noise = torch.randn_like(x)
    noise = noise / noise.norm(dim=-1, keepdim=True)
    error = torch.linalg.vector_norm(x - quantized, dim=-1, keepdim=True)
    return x + error * noise
