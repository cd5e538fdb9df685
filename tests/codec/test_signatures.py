"""Methods that repeat each other's arguments, and functions that repeat the Codec's."""

import inspect
from collections.abc import Callable

import pytest

from codec import Codec
from codec.backends.interface import Backend
from codec.backends.numpy_backend import NumpyBackend
from codec.backends.torch_backend import TorchBackend
from codec.files import compress_file, decompress_file


def arguments(function: Callable[..., object]) -> dict[str, tuple[object, object]]:
    found = inspect.signature(function).parameters
    return {name: (one.annotation, one.default) for name, one in found.items()}


def test_compress_takes_what_encode_takes() -> None:
    expected, found = arguments(Codec.encode), arguments(Codec.compress)
    assert list(found) == [*expected, "vbr"]
    del expected["wave"], found["wave"], found["vbr"]  # encode takes lists as well
    assert found == expected


@pytest.mark.parametrize("function", [Codec.decompress, compress_file, decompress_file])
def test_rates_are_asked_for_alike(function: Callable[..., object]) -> None:
    expected, found = arguments(Codec.encode), arguments(function)
    for name in ("bitrate_kbps", "num_stages"):
        assert found[name] == expected[name]


@pytest.mark.parametrize("backend", [NumpyBackend, TorchBackend])
@pytest.mark.parametrize("name", ["analysis", "quantize", "dequantize", "errors", "synthesis"])
def test_backends_are_called_alike(backend: type, name: str) -> None:
    assert arguments(getattr(backend, name)) == arguments(getattr(Backend, name))
