"""Every error this project raises on purpose.

    CodecError                     base: catching it catches all of the below
    |-- AudioError                 a recording can't be read, written or coded
    |-- OutputError                a file can't be written: it exists, no permission, no space
    |-- BitstreamError             bytes that are not a sound .nsvq file
    |   |-- CorruptError           damaged: truncated, a wrong checksum, an impossible value
    |   |-- VersionError           a format version this release does not know
    |   `-- ModelMismatchError     coded with other weights than those at hand
    |-- CheckpointError            weights can't be found, read or used
    |-- ConfigError                an unknown key or a value out of range
    |-- QuantizerError             values that can't be quantized (shape, NaN, infinity)
    |-- TrainingError              a run can't start or go on (no data, another run's state)
    `-- EvaluationError            scores can't be computed or compared

A message says what was found, what was expected and what to do. The command line prints it as one
line on stderr and exits with 1.
"""


class CodecError(Exception):
    """Base of every error raised on purpose."""


class AudioError(CodecError):
    """A recording can't be read, written or coded."""


class OutputError(CodecError):
    """A file can't be written: it exists, no permission, no space."""


class BitstreamError(CodecError):
    """Bytes that are not a sound .nsvq file."""


class CorruptError(BitstreamError):
    """Damaged bytes: truncated, a wrong checksum, an impossible value."""


class VersionError(BitstreamError):
    """A format version this release does not know."""


class ModelMismatchError(BitstreamError):
    """Coded with other weights than those at hand."""


class CheckpointError(CodecError):
    """Weights can't be found, read or used."""


class ConfigError(CodecError):
    """An unknown key or a value out of range."""


class QuantizerError(CodecError):
    """Values that can't be quantized."""


class TrainingError(CodecError):
    """A training run can't start or go on."""


class EvaluationError(CodecError):
    """Scores can't be computed or compared."""
