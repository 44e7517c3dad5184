"""Laws of a basis that follows a live source."""

from __future__ import annotations

import torch
from scenes import blobs

from analyzer.ncut.live import aligning_map
from analyzer.ncut.nystrom import NystromNcut


def placed(model: NystromNcut, x: torch.Tensor) -> torch.Tensor:
    return model.coordinates(model.transform(x))


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


def test_coordinates_take_any_precision() -> None:
    x, _ = blobs(2000, groups=5, d=20)
    model = NystromNcut(5, n_landmarks=64)
    for frame in x.split(100):
        model.partial_fit(frame)
    exact = model.coordinates(model.transform(x).double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(exact.float(), placed(model, x), atol=1e-4, rtol=0)


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


def test_what_was_turned_and_stretched_is_brought_back() -> None:
    generator = torch.Generator().manual_seed(0)
    old = torch.randn(200, 6, generator=generator)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    new = 1.8 * old @ turn
    torch.testing.assert_close(new @ aligning_map(new, old), old, atol=1e-5, rtol=0)


def test_a_source_that_begins_black_opens_up() -> None:
    x, _ = blobs(2000, groups=5, d=20)
    model = NystromNcut(5, n_landmarks=64)
    for _ in range(5):
        model.partial_fit(torch.zeros(100, 20))
    for frame in x.split(100):
        model.partial_fit(frame)
    there, alone = placed(model, x), placed(NystromNcut(5, n_landmarks=64).fit(x), x)
    assert float(there.std(0).norm()) > 0.4 * float(alone.std(0).norm())
    assert model.drift_ < 3


def test_a_new_fit_forgets_the_live_source() -> None:
    x, _ = blobs(2000, groups=5, d=20)
    model = NystromNcut(5, n_landmarks=64)
    for frame in x.split(100):
        model.partial_fit(frame)
    assert model.drift_ > 0
    again, fresh = model.fit(x), NystromNcut(5, n_landmarks=64).fit(x)
    torch.testing.assert_close(placed(again, x), placed(fresh, x), atol=0, rtol=0)
    assert not hasattr(again, "drift_")
