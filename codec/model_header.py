"""The header that a model's files begin with, and whether a header is of this model."""

from codec.arrays import as_sample_rate
from codec.bitstream import (
    VARIABLE,
    VERSION,
    Header,
    default_frames_per_chunk,
    variable_frames_per_chunk,
)
from codec.config import ModelConfig
from codec.errors import AudioError, BitstreamError, ModelMismatchError


def new_header(
    config: ModelConfig,
    model_id: bytes,
    *,
    sample_rate: int,
    num_channels: int,
    num_stages: int,
    vbr: bool = False,
) -> Header:
    """What a file starts with; the number of samples is set at the end.

    Args:
        vbr: stages vary from frame to frame (version 3); not where all frames have all stages or
            only one, nor with so many channels that shorter chunks would take what is gained.

    Raises:
        AudioError: a sample rate or number of channels that can't be coded.
    """
    kind = config.frame_rate, max(1, num_channels), config.code_bits
    constant, variable = default_frames_per_chunk(*kind), variable_frames_per_chunk(*kind)
    varies = vbr and 1 < num_stages < config.num_stages and variable >= constant
    try:
        return Header(
            model_id,
            as_sample_rate(sample_rate),
            num_channels,
            0,
            num_stages,
            config.code_bits,
            config.sample_rate,
            config.hop,
            variable if varies else constant,
            VARIABLE if varies else VERSION,
        )
    except BitstreamError as error:
        raise AudioError(
            f"can't code {num_channels} channels at {sample_rate} Hz; expected 1 "
            "to 255 channels at 1000 to 768000 Hz"
        ) from error


def refuse_other_model(header: Header, config: ModelConfig, model_id: bytes, name: str) -> None:
    """Refuse a file of another model than the one at hand.

    Raises:
        ModelMismatchError: it names both models, or what doesn't fit.
    """
    if header.model_id != model_id:
        raise ModelMismatchError(
            f"coded with model {header.model_id.hex()}, but {name or 'the model at hand'} is "
            f"{model_id.hex()}; decode with --checkpoint of the model that coded it"
        )
    found = (header.code_bits, header.model_sample_rate, header.hop)
    expected = (config.code_bits, config.sample_rate, config.hop)
    if found != expected or header.num_stages > config.num_stages:
        raise ModelMismatchError(
            f"header says code bits, rate and hop {found} with {header.num_stages} stages, but "
            f"model {model_id.hex()} has {expected} with {config.num_stages}"
        )


def refuse_more_stages(num_stages: int, config: ModelConfig, model_id: bytes) -> None:
    """Refuse frames with more stages than the model at hand has.

    Raises:
        ModelMismatchError: it tells both numbers.
    """
    if num_stages > config.num_stages:
        raise ModelMismatchError(
            f"a frame has {num_stages} stages, but model {model_id.hex()}, which the header names, "
            f"has {config.num_stages}"
        )
