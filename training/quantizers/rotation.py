"""The rotation trick (Fifty et al. 2024, arXiv:2410.06424)."""

from torch import Tensor
from torch.nn import functional

from training.quantizers.straight_through import STE


def rotate_and_scale(x: Tensor, hard: Tensor) -> Tensor:
    """`hard`, written as a rotation and scaling of x that is held fixed for gradients.

    The rotation in the plane of x and `hard` is two reflections, 1 - 2 s sᵀ + 2 b aᵀ with a, b the
    unit vectors of x and `hard` and s that of a + b. Where that plane is lost (x zero, or opposite
    to `hard`) the value is still `hard`.

    Shape: x [..., D], hard [..., D] -> [..., D].
    """
    fixed = x.detach()
    a, b = functional.normalize(fixed, dim=-1), functional.normalize(hard.detach(), dim=-1)
    s = functional.normalize(a + b, dim=-1)
    scale = hard.detach().norm(dim=-1, keepdim=True) / fixed.norm(dim=-1, keepdim=True).clamp_min(
        1e-6
    )
    along_s, along_a = (x * s).sum(-1, keepdim=True), (x * a).sum(-1, keepdim=True)
    turned = scale * (x - 2.0 * along_s * s + 2.0 * along_a * b)
    return turned + (hard - turned).detach()


class Rotation(STE):
    """Gradients turn with the codeword, so that angles between them and it are kept."""

    def surrogate(self, x: Tensor, hard: Tensor) -> Tensor:
        return rotate_and_scale(x, hard)
