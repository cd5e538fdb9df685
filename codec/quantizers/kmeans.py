"""Codebooks learned apart from the network by scikit-learn's MiniBatchKMeans."""

import warnings

import torch
from torch import Tensor

from codec.quantizers.search import nearest
from codec.quantizers.ste import STE


class KMeans(STE):
    """The paper's offline baseline: codewords are fitted to latents at hand, then stay.

    No gradient reaches the codebooks; `fit` moves them (and needs scikit-learn).
    """

    learning = "offline"

    @torch.no_grad()
    def fit(self, latent: Tensor, batch_size: int = 4096, seed: int = 0) -> None:
        """Fit stage after stage to what the stages before leave of `latent`.

        Shape: latent [B, D, F].
        """
        from sklearn.cluster import MiniBatchKMeans  # slow to import, and an extra

        residual = self._rows(latent).float()
        size = self.codebooks.shape[1]
        for stage in range(len(self.codebooks)):
            cells = MiniBatchKMeans(size, batch_size=batch_size, random_state=seed, n_init=1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns of twins among the vectors
                cells.fit(residual.cpu().numpy())
            centres = torch.from_numpy(cells.cluster_centers_).to(self.codebooks)
            self.codebooks[stage] = centres
            residual = residual - centres[nearest(residual, centres)]
