"""Photographs for the image experiment, as patches of 32 x 32."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codec.errors import EvaluationError

PATCH = 32
TRAIN = ("chelsea", "coffee", "rocket", "retina", "immunohistochemistry", "hubble_deep_field")
TEST = ("astronaut", "stereo_motorcycle")


class Patches(NamedTuple):
    """Colour patches in [0, 1], of different photographs in the two."""

    train: Tensor
    """[N, 3, 32, 32]"""
    test: Tensor
    """[N, 3, 32, 32]"""


def load_patches(data: Path | None, cifar10: bool, num_test: int) -> Patches:
    """Patches of scikit-image's photographs, of a folder's (every third held out), or CIFAR-10.

    Raises:
        EvaluationError: no photographs, or torchvision missing for CIFAR-10.
    """
    if cifar10:
        return _cifar10(data or Path("cifar10"), num_test)
    if data:
        paths = sorted(p for p in data.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if len(paths) < 2:
            raise EvaluationError(f"{data}: {len(paths)} pictures; at least 2 are needed")
        test, train = paths[::3], [path for path in paths if path not in paths[::3]]
        pairs = [_cut([_read(path) for path in side]) for side in (train, test)]
    else:
        from skimage import data as photographs

        pairs = []
        for names in (TRAIN, TEST):
            loaded = [getattr(photographs, name)() for name in names]
            pairs.append(
                _cut([image[0] if isinstance(image, tuple) else image for image in loaded])
            )
    return Patches(pairs[0], _spread(pairs[1], num_test))


def _read(path: Path) -> np.ndarray:
    from skimage.io import imread

    image: np.ndarray = imread(path)
    return np.stack([image] * 3, 2) if image.ndim == 2 else image[..., :3]


def _cut(images: list[np.ndarray]) -> Tensor:
    """Every whole patch. Shape: images [H, W, 3] uint8 -> [N, 3, 32, 32] in [0, 1]."""
    patches = []
    for image in images:
        whole = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        tiles = whole.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)
        patches.append(tiles.permute(1, 2, 0, 3, 4).reshape(-1, 3, PATCH, PATCH))
    return torch.cat(patches).float() / 255.0


def _spread(patches: Tensor, number: int) -> Tensor:
    """At most `number`, evenly apart."""
    return patches[torch.linspace(0, len(patches) - 1, min(number, len(patches))).long()]


def _cifar10(folder: Path, num_test: int) -> Patches:
    try:
        from torchvision.datasets import CIFAR10
    except ModuleNotFoundError as error:
        raise EvaluationError("CIFAR-10 needs torchvision: pip install torchvision") from error
    sides = [CIFAR10(folder, train=train, download=True).data for train in (True, False)]
    train, test = (torch.from_numpy(side).permute(0, 3, 1, 2).float() / 255.0 for side in sides)
    return Patches(train, _spread(test, num_test))
