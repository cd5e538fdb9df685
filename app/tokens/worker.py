"""One worker: recordings to rows of codes, the model loaded once."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from app.tokens.coding import Coded, code, code_at_once
from app.tokens.recording import Outcome, Recording, Settings, failed
from codec.errors import CodecError, ModelMismatchError
from training.evaluation.systems.programs import resident_mb

if TYPE_CHECKING:
    from codec import Codec


class Tokenizer:
    """Codes of recordings, whichever engine asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._codec: Codec | None = None

    def outcomes(self, recordings: Sequence[Recording]) -> list[Outcome]:
        """See `outcome`."""
        ready = code_at_once(self._loaded(), recordings, self.settings.num_stages)
        return [self.outcome(one, ready.get(index)) for index, one in enumerate(recordings)]

    def outcome(self, recording: Recording, ready: Coded | None = None) -> Outcome:
        """Its rows; whatever is wrong with it becomes the outcome's reason.

        Args:
            ready: its codes, if they are known.

        Raises:
            CodecError: the model itself can't be loaded, so that no recording would do.
        """
        codec, started_s = self._loaded(), time.process_time()
        outcome = self._outcome(codec, recording, ready)
        spent_s = time.process_time() - started_s
        return replace(outcome, processor_s=spent_s, peak_mb=resident_mb(os.getpid()))

    def _outcome(self, codec: "Codec", recording: Recording, ready: Coded | None) -> Outcome:
        if recording.fault:
            return failed(recording, recording.fault)
        try:
            coded = ready or code(codec, recording, self.settings.num_stages)
            rows = tuple(self._rows(codec, recording, coded))
        except (CodecError, OSError) as error:
            return failed(recording, str(error))
        except MemoryError:
            return failed(recording, "out of memory")
        except Exception as error:  # one recording never ends a run of millions
            return failed(recording, f"unexpected {type(error).__name__}: {error} (a bug)")
        return Outcome(
            recording.id, recording.path, recording.start_s, rows, warnings=coded.warnings
        )

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

    def _rows(self, codec: "Codec", recording: Recording, coded: Coded) -> Iterator[dict[str, Any]]:
        rate = coded.sample_rate
        for index, channel in enumerate(coded.codes):
            yield {
                "id": recording.id,
                "channel": index if recording.channel is None else recording.channel,
                "path": recording.path,
                "start_s": float(recording.start_s),
                "seconds": coded.num_samples / rate,
                "sample_rate": rate,
                "codes": np.ascontiguousarray(channel, dtype=np.uint16),
                "num_stages": self.settings.num_stages,
                "frame_rate": codec.config.frame_rate,
                "model_id": self.settings.model_id,
                **recording.columns,
            }
