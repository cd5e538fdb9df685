"""The codec that the experiments on speech begin with: already a codec, before any training."""

import torch

from codec.config import ModelConfig
from training.experiments.codebook_fitting import fit_codebooks
from training.experiments.methods import METHODS
from training.experiments.speech_clips import Clips
from training.quantizers import LearningModel


@torch.no_grad()
def start_codec(
    clips: Clips, method: str, num_stages: int, codebook_size: int, seed: int
) -> LearningModel:
    """A small codec whose linear maps are the clips' principal components and whose codebooks are
    their k-means, so that what follows compares quantizers rather than luck.

    Args:
        method: key of `METHODS`.
    """
    torch.manual_seed(seed)
    config = ModelConfig(
        trunk_width=64, latent_width=64, num_stages=num_stages, codebook_size=codebook_size,
        encoder_lookahead=(1, 1), decoder_lookahead=(1, 1),
    )  # fmt: skip
    chain = METHODS[method].build(num_stages, codebook_size, config.latent_width)
    model = LearningModel(config, chain)
    waves = [wave[None, None] for wave in clips.train]
    features = torch.cat([model.spectrum.analyse(wave)[0] for wave in waves])
    _, axes = torch.linalg.eigh(features.T @ features)
    components = axes[:, -config.latent_width :].T.contiguous()
    model.encoder.linear.weight.copy_(components)
    model.decoder.linear.weight.copy_(components.T)
    latent = torch.cat([model.analyse(wave)[0] for wave in waves], 1)
    kept = torch.randperm(latent.shape[1])[: 40 * codebook_size]
    fit_codebooks(chain, latent[None, :, kept], seed)
    torch.manual_seed(seed)
    return model
