"""Where landmarks lie: never more of them than there are different rows, axes that carry what varies."""

from __future__ import annotations

import pytest
import torch

from analyzer.ncut.landmarks import kmeans_landmarks, nearest, principal_axes


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7, 1.3])
def test_rows_that_differ_by_rounding_alone_are_cut_no_further(value: float) -> None:
    # The float32 mean of seven equal numbers may lie below all of them.
    x = torch.full((14, 1), value)
    x[7:] += 1e-7
    centres = kmeans_landmarks(x, 8, iterations=2)
    assert 1 <= len(centres) <= 2
    assert torch.isfinite(centres).all()


def test_every_group_of_well_apart_rows_gets_a_centre() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = 10 * torch.randn(12, 6, generator=generator)
    x = groups.repeat_interleave(20, 0) + 0.01 * torch.randn(240, 6, generator=generator)
    centres = kmeans_landmarks(x, 12, iterations=5)
    assert float((groups[:, None] - centres).norm(dim=2).amin(1).max()) < 0.02
    assert len(torch.unique(nearest(x, centres))) == 12


@pytest.mark.parametrize(("n", "d"), [(2048, 200), (2048, 600), (700, 900)])
def test_axes_carry_the_directions_that_vary(n: int, d: int) -> None:
    generator = torch.Generator().manual_seed(1)
    directions = torch.linalg.qr(torch.randn(d, 70, generator=generator)).Q
    strength = torch.linspace(3.0, 1.0, 70)
    x = torch.randn(n, 70, generator=generator) * strength @ directions.T
    x += 0.05 * torch.randn(n, d, generator=generator) / d**0.5
    axes = principal_axes(x - x.mean(0), 128, 0.1)
    torch.testing.assert_close(axes.T @ axes, torch.eye(axes.shape[1]), rtol=1e-4, atol=1e-5)
    assert axes.shape[1] <= (128 if n < 1024 else 71)
    assert float((axes.T @ directions).square().sum(0).min()) > 0.99
