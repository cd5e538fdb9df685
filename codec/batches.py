"""Many waves in one call, each coded as if it were alone.

A wave's codes never depend on its neighbours: padding to a common length would change the last
frames, whose look-ahead would meet padding instead of the end.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codec.errors import CodecError

if TYPE_CHECKING:
    from codec.arrays import Array
    from codec.codec import Codec


def encode_each(
    codec: "Codec", waves: "Sequence[Array]", sample_rate: int, num_stages: int
) -> "list[Array]":
    """The codes of each wave.

    Shape: waves [C, T] or [T] each, of any lengths -> codes [C, Q, F] each.

    Raises:
        AudioError: the message names which wave can't be coded.
    """
    found = []
    for index, wave in enumerate(waves):
        try:
            found.append(codec.encode(wave, sample_rate, num_stages=num_stages))
        except CodecError as error:
            raise type(error)(f"wave {index} of {len(waves)}: {error}") from error
    return found


def decode_each(codec: "Codec", codes: "Sequence[Array]", num_samples: int | None) -> "list[Array]":
    """The wave of each item's codes.

    Shape: codes [C, Q, F] each, of any Q and F -> waves [C, T] each.

    Raises:
        BitstreamError: the message names which item can't be decoded.
    """
    found = []
    for index, one in enumerate(codes):
        try:
            found.append(codec.decode(one, num_samples))
        except CodecError as error:
            raise type(error)(f"item {index} of {len(codes)}: {error}") from error
    return found
