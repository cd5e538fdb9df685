"""Decoded waves are as long as what was coded, whatever the channels, the rate and the length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec import Codec
from codec.bitstream import VARIABLE, VERSION, Header
from codec.resampling import resample_blocks

RATES = [1_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 768_000]


def decoded_shape(toy: Codec, header: Header) -> tuple[int, int]:
    """What `Codec.decompress_blocks` makes of the waves that such a file is decoded into.

    The waves come in the windows that the network gives; it always ends on a whole frame.
    """
    step = 1_500 * header.hop
    total = max(0, header.num_frames - 1) * header.hop
    waves = (
        np.zeros((header.num_channels, min(step, total - start)), np.float32)
        for start in range(0, total, step)
    )
    blocks = list(
        resample_blocks(
            waves, header.model_sample_rate, header.sample_rate, lambda _: header.num_samples
        )
    )
    return header.num_channels, sum(block.shape[1] for block in blocks)


def header_of(toy: Codec, rate: int, channels: int, num_samples: int) -> Header:
    return Header(bytes(8), rate, channels, num_samples, 1, toy.config.code_bits, hop=320)


@pytest.mark.parametrize(
    ("channels", "rate", "num_samples"),
    [
        (8, 16_000, 131_022),
        (6, 16_000, 349_514),
        (255, 16_000, 4_000),
        (6, 44_100, 1_222_493),
        (5, 48_000, 838_164),
        (8, 48_000, 130_635),
    ],
)
def test_lengths_just_below_the_end_of_a_piece(
    toy: Codec, channels: int, rate: int, num_samples: int
) -> None:
    header = header_of(toy, rate, channels, num_samples)
    assert decoded_shape(toy, header) == (channels, num_samples)


@given(st.integers(1, 255), st.sampled_from(RATES), st.integers(1, 400_000))
@settings(max_examples=150, deadline=None)
def test_lengths_over_channels_and_rates(
    toy: Codec, channels: int, rate: int, num_samples: int
) -> None:
    num_samples = 1 + num_samples % max(1, 4_000_000 // channels)
    header = header_of(toy, rate, channels, num_samples)
    assert decoded_shape(toy, header) == (channels, num_samples)


@given(
    st.integers(1, 40),
    st.sampled_from(RATES),
    st.integers(0, 40_000),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_waves_keep_their_shape(
    toy: Codec, channels: int, rate: int, num_samples: int, stages: int, vbr: bool
) -> None:
    num_samples = num_samples * rate // 48_000 // channels
    wave = np.zeros((channels, num_samples), np.float32)
    data = toy.compress(wave, rate, num_stages=stages, vbr=vbr)
    if not vbr or stages == 1 or channels <= 8:
        assert data[4] == (VARIABLE if vbr and stages > 1 else VERSION)
    found, found_rate = toy.decompress(data)
    assert (found.shape, found_rate) == (wave.shape, rate)
    assert toy.decompress(data, num_stages=1)[0].shape == wave.shape


@pytest.mark.parametrize("vbr", [False, True])
def test_the_shape_of_the_first_report(toy: Codec, vbr: bool) -> None:
    data = toy.compress(np.zeros((8, 131_022), np.float32), 16_000, num_stages=1, vbr=vbr)
    assert toy.decompress(data)[0].shape == (8, 131_022)


@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=8),
    st.sampled_from(RATES[:7]),
    st.sampled_from(RATES[:7]),
)
@settings(max_examples=60, deadline=None)
def test_a_length_that_grows_is_met_and_never_passed(
    sizes: list[int], from_rate: int, to_rate: int
) -> None:
    came = 0

    def length(num_samples: int) -> int:
        return -(-num_samples * to_rate // from_rate)

    def blocks():  # type: ignore[no-untyped-def]
        nonlocal came
        for size in sizes:
            came += size
            yield np.zeros((2, size), np.float32)

    given_out = 0
    for block in resample_blocks(blocks(), from_rate, to_rate, length):
        given_out += block.shape[1]
        assert given_out <= length(came)
    assert given_out == length(sum(sizes))
