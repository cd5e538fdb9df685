"""Coding of waves that come in blocks, by one network: what files, pipes and pages call."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, SupportsIndex

import numpy as np

from codec.backends.interface import Backend
from codec.bitstream import VARIABLE, FileReader, FileWriter, Header
from codec.coder import Decoder, Encoder
from codec.config import ModelConfig
from codec.errors import ConfigError
from codec.model_header import new_header, refuse_more_stages, refuse_other_model
from codec.vbr import VbrEncoder

MAX_EFFORT = 64
_FRAMES_AT_ONCE = 512
"""Of a chunk on its way to a wave: a file may have chunks of many minutes."""


class BlockCoder:
    """A network, its name in files, and recordings of any length through it."""

    def __init__(
        self,
        backend: Backend,
        model_id: bytes,
        name: str = "",
        *,
        metadata: dict[str, str] | None = None,
        effort: int = 1,
    ) -> None:
        if not isinstance(effort, SupportsIndex) or not 1 <= effort <= MAX_EFFORT:
            raise ConfigError(f"effort {effort}; expected a whole number from 1 to {MAX_EFFORT}")
        self.backend = backend
        self.config: ModelConfig = backend.config
        self.model_id = model_id
        self.effort = effort
        self.name = name
        self.path: Path | None = None
        self.metadata = dict(metadata or {})

    @property
    def bitrates_kbps(self) -> tuple[float, ...]:
        """All bitrates on offer, lowest first: one per stage."""
        return tuple(self.config.bitrate_kbps(n + 1) for n in range(self.config.num_stages))

    def stages_for(self, bitrate_kbps: float | None = None, num_stages: int | None = None) -> int:
        """Stages for a bitrate (the nearest on offer below it), or all if neither is given.

        Raises:
            ConfigError: both are given, or neither the bitrate nor the number can be had.
        """
        rates = replace(self.config.rates, holder=self.name or "the model")
        return rates.pick(bitrate_kbps, num_stages)

    def header(
        self, sample_rate: int, num_channels: int, num_stages: int, *, vbr: bool = False
    ) -> Header:
        """What a file of this codec starts with; the number of samples is set at the end.

        Args:
            vbr: stages vary from frame to frame.

        Raises:
            AudioError: a sample rate or number of channels that can't be coded.
        """
        return new_header(
            self.config,
            self.model_id,
            sample_rate=sample_rate,
            num_channels=num_channels,
            num_stages=num_stages,
            vbr=vbr,
        )

    def file_encoder(self, header: Header) -> Encoder:
        """An encoder of waves at the rate, and with the channels and stages, of `header`."""
        shape = header.sample_rate, header.num_channels, header.num_stages
        if header.version == VARIABLE:
            return VbrEncoder(
                self.backend, *shape, self.effort, frames_per_chunk=header.frames_per_chunk
            )
        return Encoder(self.backend, *shape, self.effort)

    def file_decoder(self, header: Header) -> Decoder:
        """A decoder to the wave that `header` describes.

        Raises:
            ModelMismatchError: coded with another model.
        """
        self.check_model(header)
        return Decoder(self.backend, header.sample_rate, header.num_channels, header.num_samples)

    def encode_blocks(self, blocks: Iterable[np.ndarray], header: Header) -> Iterator[np.ndarray]:
        """Codes of a wave that comes in blocks, at the rate and with the stages of `header`.

        Shape: blocks [C, T] float32 -> codes [C, Q, F] int64.
        """
        encoder = self.file_encoder(header)
        for block in blocks:
            if (codes := encoder.push(block)).shape[2]:
                yield codes
        yield encoder.finish()

    def compress_blocks(
        self, blocks: Iterable[np.ndarray], header: Header, file: BinaryIO
    ) -> Header:
        """Write a .nsvq file of a wave that comes in blocks; returns the header as written.

        Shape: blocks [C, T] float32.
        """
        encoder, writer = self.file_encoder(header), FileWriter(file, header)
        for block in blocks:
            writer.write(encoder.push(block))
        writer.write(encoder.finish())
        return writer.finish(encoder.num_samples)

    def decompress_blocks(self, reader: FileReader, num_stages: int) -> Iterator[np.ndarray]:
        """The wave in an open .nsvq file, block by block, at the source's rate.

        Shape: -> waves [C, T] float32, in all as many samples as the header says.

        Raises:
            ModelMismatchError: coded with another model (before the first block), or frames with
                more stages than it has (when they are reached).
            CorruptError: damaged (when the damage is reached).
        """
        decoder = self.file_decoder(reader.header)
        return _decoded(decoder, self._known(reader.codes(num_stages)))

    def _known(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same codes; of version 3 only they tell how many stages frames have.

        Shape: blocks of codes [C, Q, F].
        """
        for codes in blocks:
            refuse_more_stages(codes.shape[1], self.config, self.model_id)
            yield codes

    def check_model(self, header: Header) -> None:
        """Refuse a file of another model.

        Raises:
            ModelMismatchError: it names both models, or what doesn't fit.
        """
        refuse_other_model(header, self.config, self.model_id, self.name)


def _decoded(decoder: Decoder, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Shape: blocks of codes [C, Q, F] -> waves [C, T], none empty but perhaps the last ones."""
    for codes in blocks:
        for start in range(0, codes.shape[2], _FRAMES_AT_ONCE):
            pieces = decoder.pieces(codes[..., start : start + _FRAMES_AT_ONCE])
            yield from (wave for wave in pieces if wave.shape[1])
    yield from decoder.last_pieces()
