"""Laws of the Nyström Normalized Cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import blobs, islands, rotation

from analyzer.ncut.dense import dense_ncut
from analyzer.ncut.nystrom import NystromNcut
from analyzer.ncut.quality import principal_angles


def assert_same_vectors(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-3) -> None:
    """Equal column by column, signs included."""
    assert float((a - b).abs().max()) < tolerance * float(a.abs().max())


@pytest.mark.parametrize("mean_affinity", [0.6, 0.3, 0.1])
@pytest.mark.parametrize("density", [0.0, 1.0])
def test_agrees_with_the_dense_oracle(mean_affinity: float, density: float) -> None:
    x, _ = blobs(2000, groups=12)
    fitted = NystromNcut(12, mean_affinity=mean_affinity, density=density).fit(x)
    exact, values = dense_ncut(x, 12, sigma=fitted.sigma_, density=density)
    # The gap after the twelfth value is wide, so the twelve vectors are well defined.
    assert float(principal_angles(fitted.transform(x), exact).mean()) < 0.5
    assert torch.allclose(fitted.eigenvalues_, values, atol=5e-3)


def test_agrees_with_the_dense_oracle_on_directions() -> None:
    x, _ = blobs(1000)
    fitted = NystromNcut(6, affinity="cosine").fit(x)
    exact, _ = dense_ncut(x, 6, sigma=fitted.sigma_, affinity="cosine")
    assert float(principal_angles(fitted.transform(x), exact).mean()) < 0.5
    assert_same_vectors(fitted.transform(x), fitted.transform(7 * x), 1e-4)


def test_a_sample_stands_for_the_whole() -> None:
    x, _ = blobs(6000)
    fitted = NystromNcut(6, n_sample=2000).fit(x)
    exact, _ = dense_ncut(x, 6, sigma=fitted.sigma_)
    assert float(principal_angles(fitted.transform(x), exact).mean()) < 2.0


def test_vectors_are_orthogonal_with_mean_square_one() -> None:
    x, _ = blobs()
    u = NystromNcut(8).fit_transform(x).double()
    assert torch.allclose(u.T @ u / len(x), torch.eye(8, dtype=torch.float64), atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 0.8), st.integers(2, 300))
def test_eigenvalues_lie_in_0_to_1_fall_and_start_at_1(seed: int, mean_affinity: float, n: int) -> None:
    x, _ = blobs(n, seed=seed)
    values = NystromNcut(5, mean_affinity=mean_affinity).fit(x).eigenvalues_
    assert float(values[0]) == pytest.approx(1.0, abs=1e-5)
    assert bool((values >= 0).all())
    assert bool((values <= 1).all())
    assert bool((values.diff() <= 1e-9).all())


def test_the_first_vector_is_the_root_of_the_degree() -> None:
    x, _ = blobs()
    fitted = NystromNcut(4).fit(x)
    ratio = fitted.embedding_[:, 0] / fitted.degree_.sqrt()
    assert float(ratio.std() / ratio.mean()) < 1e-4


def test_order_of_patches_only_orders_the_result() -> None:
    x, _ = blobs()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    assert_same_vectors(NystromNcut(6).fit_transform(x)[order], NystromNcut(6).fit_transform(x[order]))


def test_every_patch_twice_changes_nothing() -> None:
    x, _ = blobs()
    u = NystromNcut(6, sigma=5.0).fit_transform(x)
    assert_same_vectors(torch.cat([u, u]), NystromNcut(6, sigma=5.0).fit_transform(torch.cat([x, x])))


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-3, 1e3))
def test_features_and_scale_grow_together(factor: float) -> None:
    x, _ = blobs(400)
    u = NystromNcut(6, sigma=5.0).fit_transform(x)
    assert_same_vectors(u, NystromNcut(6, sigma=5.0 * factor).fit_transform(x * factor))
    assert NystromNcut(6).fit(x * factor).sigma_ == pytest.approx(NystromNcut(6).fit(x).sigma_ * factor, rel=1e-4)


@pytest.mark.parametrize("d", [40, 200])
def test_rotating_feature_space_changes_nothing(d: int) -> None:
    x, _ = blobs(d=d)
    turned = x @ rotation(d)
    assert float(principal_angles(NystromNcut(6).fit_transform(x), NystromNcut(6).fit_transform(turned)).max()) < 0.1


def test_moving_feature_space_changes_nothing() -> None:
    x, _ = blobs()
    assert_same_vectors(NystromNcut(6).fit_transform(x), NystromNcut(6).fit_transform(x + 10.0))


def test_separate_islands_are_recovered_exactly() -> None:
    x, label = islands()
    fitted = NystromNcut(4, sigma=1.0, n_landmarks=64).fit(x)
    assert torch.allclose(fitted.eigenvalues_, torch.ones(4, dtype=torch.float64), atol=1e-4)
    assert float(NystromNcut(5, sigma=1.0, n_landmarks=64).fit(x).eigenvalues_[4]) < 0.99
    # Divided by the root of the degree the vectors are constant on each island, and differ between islands.
    u = fitted.transform(x) / fitted.degree_.sqrt()[:, None]
    means = torch.stack([u[label == group].mean(0) for group in range(4)])
    assert float((u - means[label]).abs().max()) < 0.02 * float(u.abs().max())
    assert float(torch.pdist(means).min()) > 0.5


def test_fit_transform_is_fit_then_transform() -> None:
    x, _ = blobs()
    model = NystromNcut(6)
    assert torch.equal(NystromNcut(6).fit_transform(x), model.fit(x).transform(x))
    # A row is placed by itself: its company does not matter.
    assert torch.allclose(model.transform(x)[5:9], model.transform(x[5:9]), atol=1e-5)
    assert torch.allclose(model.embedding_, model.transform(x), atol=1e-3)


@pytest.mark.parametrize("chunk", [1, 7, 100, 2048, 5000])
def test_chunks_of_any_size_give_the_same_bits(chunk: int) -> None:
    x, _ = blobs(5000)
    reference = NystromNcut(6, n_sample=1000).fit(x)

    def chunks() -> Iterator[torch.Tensor]:
        yield from x.split(chunk)

    streamed = NystromNcut(6, n_sample=1000).fit(chunks())
    assert streamed.sigma_ == reference.sigma_
    assert torch.equal(streamed.eigenvalues_, reference.eigenvalues_)
    assert torch.equal(torch.cat(list(streamed.transform_chunks(chunks()))), reference.transform(x))


def test_arrays_memmaps_and_tensors_agree(tmp_path: Path) -> None:
    x, _ = blobs(500)
    reference = NystromNcut(6).fit_transform(x)
    array = NystromNcut(6).fit_transform(x.numpy())
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.float32
    assert np.array_equal(array, reference.numpy())
    np.save(tmp_path / "x.npy", x.numpy())
    assert np.array_equal(NystromNcut(6).fit_transform(np.load(tmp_path / "x.npy", mmap_mode="r")), array)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_taken(dtype: torch.dtype) -> None:
    x, _ = blobs(800)
    given_precision = NystromNcut(6).fit_transform(x.to(dtype))
    assert given_precision.dtype == torch.float32
    assert float(principal_angles(given_precision, NystromNcut(6).fit_transform(x)).max()) < 1.0


def test_threads_hardly_matter() -> None:
    x, _ = blobs(3000, d=200)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(NystromNcut(6).fit_transform(x))
    finally:
        torch.set_num_threads(threads)
    assert float((results[0] - results[1]).abs().max()) < 2e-5 * float(results[0].abs().max())


def test_equal_seeds_give_equal_bits_and_global_chance_is_left_alone() -> None:
    x, _ = blobs(3000)
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002  the global state is what is tested
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (NystromNcut(6, n_sample=500, seed=3).fit_transform(x) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    other = NystromNcut(6, n_sample=500, seed=4).fit_transform(x)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "x",
    [
        torch.ones(50, 8),
        torch.zeros(2, 3),
        torch.tensor([[0.0], [1.0]]),
        torch.arange(3.0)[:, None],
        torch.cat([torch.zeros(99, 4), torch.ones(1, 4)]),
        1e30 * torch.eye(5),
        1e-30 * torch.eye(5),
    ],
    ids=["constant", "two zeros", "two rows", "three rows", "one stray", "huge", "tiny"],
)
@pytest.mark.parametrize("affinity", ["rbf", "cosine"])
def test_degenerate_input_gives_finite_vectors(x: torch.Tensor, affinity: str) -> None:
    fitted = NystromNcut(6, affinity=affinity).fit(x)
    u = fitted.transform(x)
    assert u.shape == (len(x), 6)
    assert bool(torch.isfinite(u).all())
    assert fitted.eigenvalues_[0] == pytest.approx(1.0, abs=1e-4)
    # There cannot be more vectors than different rows; the rest is zero and says so by its eigenvalue.
    different = len(torch.unique(x, dim=0))
    assert bool((fitted.eigenvalues_[different:] < 1e-6).all())
    assert bool((u[:, different:] == 0).all())


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.tensor([[0.0, float("nan")], [1.0, 1.0]]), "NaN"),
        (torch.tensor([[0.0, float("inf")], [1.0, 1.0]]), "infinity"),
        (torch.zeros(1, 4), "at least 2"),
        (torch.zeros(4), "one row a patch"),
        (iter(()), "empty"),
    ],
)
def test_impossible_input_is_refused_in_words(x: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NystromNcut(2).fit(x)


@pytest.mark.parametrize("density", [0.0, 0.5])
def test_placing_never_waits_for_a_value(density: float) -> None:
    # Tensors on "meta" have shapes and no values: whatever would make a GPU stop for one raises here.
    x, _ = blobs(300, d=80)
    model = NystromNcut(5, density=density).fit(x)
    for name, value in vars(model).items():
        if isinstance(value, torch.Tensor):
            setattr(model, name, value.to("meta"))
    model.device = "meta"
    blocks = list(model.transform_chunks(torch.empty(20_000, 80, device="meta")))
    assert sum(len(block) for block in blocks) == 20_000
    assert {block.device.type for block in blocks} == {"meta"}


def test_few_of_many_rows_are_looked_at_with_fewer_landmarks() -> None:
    x, _ = blobs(3000, groups=40, d=200)
    assert len(NystromNcut(6).fit(x).landmarks_) == 512
    assert len(NystromNcut(6, n_sample=1500).fit(x).landmarks_) == 256
    assert len(NystromNcut(6, n_sample=1500, n_landmarks=100).fit(x).landmarks_) == 100


def test_nan_among_rows_that_no_axis_was_taken_from_is_found() -> None:
    x, _ = blobs(6000, d=700)
    model = NystromNcut(4, n_landmarks=32)
    model.fit(x)
    for row in (0, 1111, 5999):
        spoilt = x.clone()
        spoilt[row, 3] = float("nan")
        with pytest.raises(ValueError, match="1 of 6000"):
            model.fit(spoilt)


def test_nan_and_other_channels_are_refused_when_transforming() -> None:
    x, _ = blobs(100)
    model = NystromNcut(3).fit(x)
    with pytest.raises(ValueError, match="NaN"):
        model.transform(torch.full((3, x.shape[1]), float("nan")))
    with pytest.raises(ValueError, match="40 channels; got 7"):
        model.transform(torch.zeros(3, 7))
    with pytest.raises(ValueError, match="not fitted"):
        NystromNcut(3).transform(x)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_eigenvectors": 0},
        {"n_eigenvectors": 90, "n_landmarks": 64},
        {"affinity": "manhattan"},
        {"sigma": 0.0},
        {"mean_affinity": 1.0},
        {"density": 2.0},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        NystromNcut(**wrong).fit(torch.rand(10, 3))  # type: ignore[arg-type]


def test_parameters_can_be_read_and_set_as_in_scikit_learn() -> None:
    model = NystromNcut(7, seed=2)
    assert NystromNcut(**model.get_params()).get_params() == model.get_params()
    assert model.set_params(n_eigenvectors=9).n_eigenvectors == 9
    with pytest.raises(ValueError, match="no parameter 'k'"):
        model.set_params(k=3)
