"""Where the patches of a site that a run has stored lie."""

from __future__ import annotations

import numpy as np
import torch

from analyzer.ncut.embedding import coordinates
from analyzer.run_folder import SiteRecord


def site_coordinates(eigenvectors: np.ndarray, site: SiteRecord) -> np.ndarray:
    """(…, k) of the site's eigenvectors.npy -> (…, k - 1) float32, as `embedding.coordinates` has them."""
    flat = torch.from_numpy(eigenvectors.reshape(-1, eigenvectors.shape[-1]).astype(np.float32))
    placed = coordinates(flat, torch.tensor(site.eigenvalues), site.reach)
    return np.asarray(placed.numpy().reshape(*eigenvectors.shape[:-1], -1))
