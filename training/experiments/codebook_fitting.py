"""Codebooks fitted before training: by our k-means, or by scikit-learn's as in the paper."""

import warnings

import torch
from torch import Tensor

from codec.backends.torch_search import nearest
from training.quantizers.chain import ResidualChain
from training.quantizers.offline_codebooks import Fitted


@torch.no_grad()
def fit_codebooks(chain: ResidualChain, latent: Tensor, seed: int = 0) -> None:
    """Fit every stage to what the stages before leave of `latent`; a `Fitted` chain, which no
    training will move, by MiniBatchKMeans.

    Shape: latent [B, D, F].
    """
    if not isinstance(chain, Fitted):
        chain.initialise(latent)
        return
    from sklearn.cluster import MiniBatchKMeans

    residual = latent.transpose(1, 2).flatten(0, 1)
    for codebook in chain.codebooks:
        cells = MiniBatchKMeans(len(codebook), batch_size=4096, random_state=seed, n_init=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of twins among the vectors
            cells.fit(residual.numpy())
        codebook.copy_(torch.from_numpy(cells.cluster_centers_))
        residual = residual - codebook[nearest(residual, codebook)]
