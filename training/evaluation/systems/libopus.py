"""Opus packet by packet, so that some can get lost: libopus itself, called through ctypes."""

import ctypes
import ctypes.util
import functools
from typing import Any

import numpy as np

from codec.errors import EvaluationError

FRAME_MS = 20
_VOIP = 2048
_VOICE = 3001
_REQUESTS = {"bitrate": 4002, "vbr": 4006, "complexity": 4010, "fec": 4012, "loss": 4014,
             "signal": 4024}  # fmt: skip
_LOOKAHEAD = 4027
_MAX_BYTES = 1_500


def missing() -> str:
    """Why it can't run here, in one line; empty if it can."""
    return "" if _find() else "libopus not found (Debian: apt install libopus0)"


def version() -> str:
    """The library's own word.

    Raises:
        EvaluationError: there is no library.
    """
    return str(_library().opus_get_version_string().decode())


class OpusEncoder:
    """Speech at its best: variable bitrate, complexity 10, one channel, frames of 20 ms.

    Args:
        loss: share of packets the encoder is told to expect lost.
        fec: repeat frames at a lower rate in the next packet, where libopus finds room.
    """

    def __init__(self, sample_rate: int, bitrate_kbps: float, loss: float, fec: bool) -> None:
        self.frame = sample_rate * FRAME_MS // 1000
        self._state = _create("opus_encoder_create", sample_rate, _VOIP)
        values = {"bitrate": round(1000 * bitrate_kbps), "vbr": 1, "complexity": 10,
                  "fec": int(fec), "loss": round(100 * loss), "signal": _VOICE}  # fmt: skip
        for name, value in values.items():
            request, number = ctypes.c_int(_REQUESTS[name]), ctypes.c_int(value)
            _check(_library().opus_encoder_ctl(self._state, request, number))

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            _library().opus_encoder_destroy(state)

    @property
    def delay(self) -> int:
        """Samples by which the decoded wave is late."""
        found = ctypes.c_int()
        request = ctypes.c_int(_LOOKAHEAD)
        _check(_library().opus_encoder_ctl(self._state, request, ctypes.byref(found)))
        return found.value

    def encode(self, samples: np.ndarray) -> bytes:
        """One packet. Shape: samples [frame] int16."""
        samples = np.ascontiguousarray(samples, np.int16)
        packet = ctypes.create_string_buffer(_MAX_BYTES)
        count = _library().opus_encode(
            self._state, samples.ctypes.data_as(ctypes.c_void_p), self.frame, packet, _MAX_BYTES
        )
        return packet.raw[: _check(count)]


class OpusDecoder:
    """With the concealment that the library has."""

    def __init__(self, sample_rate: int) -> None:
        self.frame = sample_rate * FRAME_MS // 1000
        self._state = _create("opus_decoder_create", sample_rate)

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            _library().opus_decoder_destroy(state)

    def decode(self, packet: bytes | None, fec: bool = False) -> np.ndarray:
        """One frame.

        Args:
            packet: None for one that was lost.
            fec: give the frame before it, from what `packet` repeats of that.

        Shape: -> [frame] int16.
        """
        samples = np.zeros(self.frame, np.int16)
        count = _library().opus_decode(
            self._state, packet, len(packet or b""),
            samples.ctypes.data_as(ctypes.c_void_p), self.frame, int(fec),
        )  # fmt: skip
        return samples[: _check(count)]


def _create(function: str, *arguments: int) -> ctypes.c_void_p:
    """An encoder or decoder: sample rate, one channel, and what else it takes."""
    rate, *rest = arguments
    error = ctypes.c_int()
    state = getattr(_library(), function)(rate, 1, *rest, ctypes.byref(error))
    _check(error.value)
    return ctypes.c_void_p(state)


def _check(result: int) -> int:
    if result < 0:
        raise EvaluationError(f"libopus: {_library().opus_strerror(result).decode()}")
    return result


@functools.cache
def _find() -> str | None:
    return ctypes.util.find_library("opus")


@functools.cache
def _library() -> Any:
    if reason := missing():
        raise EvaluationError(reason)
    library = ctypes.CDLL(_find())
    for name in ("opus_encoder_create", "opus_decoder_create"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("opus_get_version_string", "opus_strerror"):
        getattr(library, name).restype = ctypes.c_char_p
    return library
