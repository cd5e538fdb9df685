"""The codec as one object: waves, codes and bytes."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import overload

import numpy as np

from codec.arrays import Array, as_codes, as_wave, like, split_wave
from codec.backends.loading import load_backend
from codec.batches import decode_each, encode_each
from codec.bitstream import FileReader, unpack_file
from codec.block_coder import BlockCoder
from codec.catalog import find_checkpoint
from codec.coder import Decoder
from codec.errors import ConfigError
from codec.hub import find_pretrained, save_pretrained
from codec.live import NONE, PacketDecoder, PacketEncoder, Redundancy


class Codec(BlockCoder):
    """A trained network that turns speech into codes or bytes and back.

    numpy in gives numpy out, torch in gives torch out. Waves and codes may be hours long: the
    network runs over blocks of a second or so, with the result of one pass.

        codec = Codec.load()
        data = codec.compress(wave, sample_rate, bitrate_kbps=6)
        wave, sample_rate = codec.decompress(data)
    """

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = "default",
        device: str = "cpu",
        effort: int = 1,
        *,
        backend: str | None = None,
        block_frames: int | None = None,
    ) -> "Codec":
        """The codec of a checkpoint.

        Args:
            checkpoint: a name that `nsvq models` lists, or a path.
            device: where the network runs, as torch names it; any but cpu needs torch.
            effort: hypotheses the encoder keeps from stage to stage, 1 to 64: the more, the nearer
                the codes and the slower. With 1, fewer stages are always a prefix of more, so that
                a trimmed file of constant bitrate equals one encoded at that rate.
            backend: what computes the network, `numpy` or `torch`; None is numpy on a cpu.
            block_frames: frames of a recording computed at once; as many as are fast if None. With
                1, `encode` and `decode` give the bits that a conversation gives (`encoder`).

        Raises:
            CheckpointError: not found, damaged or not of this project.
            ConfigError: a backend or device that isn't there, an effort out of range.
        """
        path = find_checkpoint(checkpoint)
        loaded, model_id, metadata = load_backend(path, backend, device, block_frames)
        codec = cls(loaded, model_id, path.stem, metadata=metadata, effort=effort)
        codec.path = path
        return codec

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        device: str = "cpu",
        effort: int = 1,
        *,
        backend: str | None = None,
        revision: str | None = None,
    ) -> "Codec":
        """The codec in a folder that `save_pretrained` wrote, or on the Hugging Face hub.

        Args:
            revision: branch, tag or commit on the hub.

        Raises:
            CheckpointError: not there, or damaged.
            ConfigError: see `load`.
        """
        path = find_pretrained(name, revision)
        return cls.load(path, device, effort, backend=backend)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors and preprocessor_config.json into `folder`.

        Raises:
            ConfigError: this codec was not loaded from a checkpoint.
            OutputError: it can't be written.
        """
        if self.path is None:
            raise ConfigError("a codec made in memory has no checkpoint; save and load one first")
        save_pretrained(self.path, folder)

    @overload
    def encode(
        self,
        wave: Array,
        sample_rate: int,
        bitrate_kbps: float | None = None,
        num_stages: int | None = None,
    ) -> Array: ...

    @overload
    def encode(
        self,
        wave: Sequence[Array],
        sample_rate: int,
        bitrate_kbps: float | None = None,
        num_stages: int | None = None,
    ) -> list[Array]: ...

    def encode(
        self,
        wave: "Array | Sequence[Array]",
        sample_rate: int,
        bitrate_kbps: float | None = None,
        num_stages: int | None = None,
    ) -> "Array | list[Array]":
        """The codes of a wave, or of each wave of a list.

        Args:
            sample_rate: the wave's, in Hz; it is resampled to the model's.

        Shape: wave [C, T] or [T] floats in [-1, 1] -> codes [C, Q, F] int64.

        Raises:
            AudioError: not such a wave, NaN or infinite samples.
            ConfigError: a bitrate or number of stages that can't be had.
        """
        stages = self.stages_for(bitrate_kbps, num_stages)
        if isinstance(wave, Sequence):
            return encode_each(self, wave, sample_rate, stages)
        array = as_wave(wave)
        header = self.header(sample_rate, len(array), stages)
        return like(wave, np.concatenate(list(self.encode_blocks([array], header)), axis=-1))

    @staticmethod
    def codes(data: bytes, num_stages: int | None = None) -> np.ndarray:
        """The codes in a .nsvq file, of the first `num_stages` stages (all if None).

        The network is not needed.

        Shape: -> codes [C, Q, F] int64; -1 where a file of variable bitrate has none, and Q is what
        the frame with most stages has.

        Raises:
            CorruptError, VersionError: not a sound .nsvq file.
            ConfigError: the file holds fewer stages.
        """
        return unpack_file(data, num_stages)[1]

    @overload
    def decode(self, codes: Array, num_samples: int | None = None) -> Array: ...

    @overload
    def decode(self, codes: Sequence[Array], num_samples: int | None = None) -> list[Array]: ...

    def decode(
        self, codes: "Array | Sequence[Array]", num_samples: int | None = None
    ) -> "Array | list[Array]":
        """The wave of codes, or of each item of a list, at the model's sample rate.

        Args:
            num_samples: cut to that many samples of each channel.

        Shape: codes [C, Q, F] integers, any Q up to the model's, -1 for none ->
        wave [C, T] float32, T = (F - 1) · hop or num_samples.

        Raises:
            BitstreamError: codes of another shape or range, or one behind a stage without.
        """
        if isinstance(codes, Sequence):
            return decode_each(self, codes, num_samples)
        array = as_codes(codes, self.config)
        decoder = Decoder(self.backend, self.config.sample_rate, len(array))
        wave = np.concatenate([decoder.push(array), decoder.finish()], axis=1)
        return like(codes, wave[:, :num_samples])

    def compress(
        self,
        wave: Array,
        sample_rate: int,
        bitrate_kbps: float | None = None,
        num_stages: int | None = None,
        *,
        vbr: bool = True,
    ) -> bytes:
        """A .nsvq file of a wave; other arguments and errors as for `encode`.

        Args:
            vbr: give stages to the frames that need them, as many in all; else all frames alike.
        """
        array = as_wave(wave)
        stages = self.stages_for(bitrate_kbps, num_stages)
        header = self.header(sample_rate, len(array), stages, vbr=vbr)
        file = BytesIO()
        self.compress_blocks(split_wave(array), header, file)
        return file.getvalue()

    def decompress(
        self, data: bytes, bitrate_kbps: float | None = None, num_stages: int | None = None
    ) -> tuple[np.ndarray, int]:
        """The wave in a .nsvq file and its sample rate: as many samples as went in.

        Args:
            bitrate_kbps, num_stages: decode fewer stages than the file holds.

        Shape: wave [C, T] float32.

        Raises:
            CorruptError, VersionError: not a sound .nsvq file.
            ModelMismatchError: coded with another model.
            ConfigError: a bitrate or number of stages that the file doesn't hold.
        """
        reader = FileReader(BytesIO(data), len(data))
        header = reader.header
        blocks = list(self.decompress_blocks(reader, header.held_stages(bitrate_kbps, num_stages)))
        empty = np.zeros((header.num_channels, 0), np.float32)
        return np.concatenate([empty, *blocks], axis=1), header.sample_rate

    def encoder(
        self,
        sample_rate: int,
        bitrate_kbps: float | None = None,
        num_stages: int | None = None,
        *,
        redundancy: Redundancy = NONE,
        dtx: bool = False,
        vbr: bool = False,
    ) -> PacketEncoder:
        """An encoder for a conversation: wave in, a packet for each frame out, with little delay.

            encoder, decoder = codec.encoder(16_000, bitrate_kbps=6), codec.decoder(16_000)
            for wave in microphone:                # [T], any T
                for packet in encoder.push(wave):  # 15 bytes each
                    play(decoder.push(packet))     # None for one that was lost

        Args:
            sample_rate: of the wave, in Hz.
            bitrate_kbps, num_stages: to start with; see `stages_for`.
            redundancy: copies of earlier frames that packets carry, part of the bitrate.
            dtx: send next to nothing while nobody speaks; packets not to be sent are empty.
            vbr: give stages to the frames that need them: packets of all lengths, the bitrate on
                average over seconds. Who listens to encrypted packets can tell speech by their
                lengths (RFC 6562).

        Raises:
            AudioError: a sample rate that can't be coded.
            ConfigError: a bitrate or number of stages that can't be had, no room for the copies.
        """
        rate = self.header(sample_rate, 1, 1).sample_rate
        stages = self.stages_for(bitrate_kbps, num_stages)
        return PacketEncoder(
            self.backend, rate, stages, self.effort, redundancy=redundancy, dtx=dtx, vbr=vbr
        )

    def decoder(self, sample_rate: int, *, redundancy: Redundancy = NONE) -> PacketDecoder:
        """A decoder for a conversation: packets in, wave at `sample_rate` Hz out.

        Args:
            redundancy: the encoder's.

        Raises:
            AudioError: a sample rate that can't be had.
        """
        rate = self.header(sample_rate, 1, 1).sample_rate
        return PacketDecoder(self.backend, rate, redundancy)
