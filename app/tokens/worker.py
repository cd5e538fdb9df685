"""One worker: recordings to rows of codes, the model loaded once."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.tokens.recording import Outcome, Recording, Settings, failed
from codec.errors import AudioError, CodecError, ModelMismatchError
from training.evaluation.programs import resident_mb

if TYPE_CHECKING:
    from codec import Codec

SLACK_S = 0.05
"""How far a manifest's part may reach beyond the end of its recording."""


class Tokenizer:
    """Codes of recordings, whichever engine asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._codec: Codec | None = None

    def outcomes(self, recordings: Sequence[Recording]) -> list[Outcome]:
        """See `outcome`."""
        return [self.outcome(recording) for recording in recordings]

    def outcome(self, recording: Recording) -> Outcome:
        """Its rows; whatever is wrong with it becomes the outcome's reason.

        Raises:
            CodecError: the model itself can't be loaded, so that no recording would do.
        """
        codec, started_s = self._loaded(), time.process_time()
        outcome = self._outcome(codec, recording)
        spent_s = time.process_time() - started_s
        return replace(outcome, processor_s=spent_s, peak_mb=resident_mb(os.getpid()))

    def _outcome(self, codec: "Codec", recording: Recording) -> Outcome:
        if recording.fault:
            return failed(recording, recording.fault)
        try:
            rows = tuple(self._rows(codec, recording))
        except (CodecError, OSError) as error:
            return failed(recording, str(error))
        except MemoryError:
            return failed(recording, "out of memory")
        except Exception as error:  # one recording never ends a run of millions
            return failed(recording, f"unexpected {type(error).__name__}: {error} (a bug)")
        return Outcome(recording.id, recording.path, recording.start_s, rows)

    def pid(self) -> int:
        """The process this worker runs in."""
        return os.getpid()

    def _loaded(self) -> "Codec":
        if self._codec is None:
            from codec import Codec

            settings = self.settings
            codec = Codec.load(settings.checkpoint, device=settings.device, effort=settings.effort)
            if codec.model_id.hex() != settings.model_id:
                raise ModelMismatchError(
                    f"{settings.checkpoint}: is model {codec.model_id.hex()} here and "
                    f"{settings.model_id} where the run was started"
                )
            self._codec = codec
        return self._codec

    def _rows(self, codec: "Codec", recording: Recording) -> Iterator[dict[str, Any]]:
        source = recording.path if recording.data is None else BytesIO(recording.data)
        if recording.is_whole:
            codes, rate, num_samples = _code_whole(codec, source, self.settings.num_stages)
        else:
            codes, rate, num_samples = _code_part(
                codec, source, recording, self.settings.num_stages
            )
        for index, channel in enumerate(codes):
            yield {
                "id": recording.id,
                "channel": index if recording.channel is None else recording.channel,
                "path": recording.path,
                "start_s": float(recording.start_s),
                "seconds": num_samples / rate,
                "sample_rate": rate,
                "codes": np.ascontiguousarray(channel, dtype=np.uint16),
                "num_stages": self.settings.num_stages,
                "frame_rate": codec.config.frame_rate,
                "model_id": self.settings.model_id,
                **recording.columns,
            }


def _code_whole(
    codec: "Codec", source: str | BytesIO, num_stages: int
) -> tuple[np.ndarray, int, int]:
    """Codes [C, Q, F], sample rate and number of samples: as `nsvq encode`, in bounded memory."""
    from codec.audio import open_audio

    with open_audio(source) as reader:
        rate = reader.info.sample_rate
        encoder = codec.encoder(codec.header(rate, reader.info.channels, num_stages))
        found = [encoder.push(block).astype(np.uint16) for block in reader.blocks()]
        found.append(encoder.finish().astype(np.uint16))
    return np.concatenate(found, axis=2), rate, encoder.num_samples


def _code_part(
    codec: "Codec", source: str | BytesIO, recording: Recording, num_stages: int
) -> tuple[np.ndarray, int, int]:
    """The same for a part of a recording, or for one of its channels."""
    from codec.audio import open_audio

    place = Path(source) if isinstance(source, str) else source
    with open_audio(place) as reader:
        rate, length = reader.info.sample_rate, reader.info.num_samples
        start = round(recording.start_s * rate)
        count = length - start if recording.seconds is None else round(recording.seconds * rate)
        if start < 0 or count < 1 or start + count > length + SLACK_S * rate:
            raise AudioError(
                f"{recording.path}: {start / rate:g} to {(start + count) / rate:g} s asked for, of "
                f"{length / rate:g} s"
            )
        wave = reader.part(start, min(count, length - start))
    channel = recording.channel
    if channel is not None:
        if not 0 <= channel < len(wave):
            raise AudioError(f"{recording.path}: no channel {channel}; it has {len(wave)}")
        wave = wave[channel : channel + 1]
    codes = np.asarray(codec.encode(wave, rate, num_stages=num_stages))
    return codes, rate, wave.shape[1]
