"""Laws of a basis that follows a live source."""

from __future__ import annotations

import torch
from scenes import blobs

from analyzer.ncut.embedding import coordinates
from analyzer.ncut.live import aligning_rotation
from analyzer.ncut.nystrom import NystromNcut


def placed(model: NystromNcut, x: torch.Tensor) -> torch.Tensor:
    return coordinates(model.transform(x), model.eigenvalues_, model.reach_)


def test_what_was_seen_stays_where_it_was_as_far_as_the_told_drift() -> None:
    x, _ = blobs(4000, groups=5, d=20)
    model = NystromNcut(5, n_landmarks=64)
    for frame in x[:2000].split(100):
        model.partial_fit(frame)
    before, told = placed(model, x[:100]), model.drift_
    for frame in x[2000:].split(100):
        model.partial_fit(frame)
    moved = (placed(model, x[:100]) - before).square().sum().sqrt()
    apart = (2 * (before - before.mean(0)).square().sum()).sqrt()
    assert model.drift_ > told
    assert float(moved / apart) < 1.5 * (model.drift_ - told) < 0.2


def test_something_new_gets_a_place_at_once() -> None:
    x, group = blobs(3000, groups=5, d=20)
    old, new = x[group < 4], x[group == 4]
    model = NystromNcut(5, n_landmarks=64)
    for frame in old.split(100):
        model.partial_fit(frame)
    fitted_at = model._live.fitted_at
    model.partial_fit(torch.cat([old[:60], new[:40]]))
    assert model._live.fitted_at > fitted_at
    there, others = placed(model, new), placed(model, old)
    assert float(torch.cdist(there, there).median()) < 0.5 * float(torch.cdist(there, others).median())


def test_a_turned_basis_is_turned_back_and_the_trivial_vector_left_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    old = torch.linalg.qr(torch.randn(200, 6, generator=generator, dtype=torch.float64)).Q
    turn = torch.eye(6, dtype=torch.float64)
    turn[1:, 1:] = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64)).Q
    back = aligning_rotation(old @ turn, old, torch.linspace(1, 0.1, 6, dtype=torch.float64))
    torch.testing.assert_close(old @ turn @ back, old)
    assert back[0, 0] == 1.0
    assert not bool(back[0, 1:].any())
