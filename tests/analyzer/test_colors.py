"""Laws of colours: what is apart looks apart, to colour-blind viewers too, and stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analyzer.colors.color_map import aligned_colors, collision_rate, color_reference
from analyzer.colors.gamut import PALETTES, GamutFill, dimensions
from analyzer.colors.oklab import (
    DEFICIENCIES,
    JUST_NOTICEABLE,
    bytes_to_oklab,
    oklab_to_linear,
    oklab_to_srgb,
    seen_with,
    srgb_to_oklab,
)
from analyzer.colors.palette import distinct_colors, segment_palette
from analyzer.ncut.landmarks import kmeans_landmarks, nearest
from analyzer.settings import PARAMETERS

LEAST = {"standard": 0.14, "colour-blind safe": 0.077}
"""Difference in OKLab of any two of 24 segment colours: seven and almost four times what is just noticeable."""


def separated(groups: int = 10, n: int = 1000, noise: float = 0.02, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(groups, 19, generator=generator)
    label = torch.arange(n) % groups
    return centres[label] + noise * torch.randn(n, 19, generator=generator), label


def test_conversions_agree_with_known_colours() -> None:
    white, red = torch.ones(3), torch.tensor([1.0, 0.0, 0.0])
    assert torch.allclose(srgb_to_oklab(white), torch.tensor([1.0, 0.0, 0.0]), atol=1e-4)
    assert torch.allclose(srgb_to_oklab(red), torch.tensor([0.62796, 0.22486, 0.12585]), atol=1e-4)  # Ottosson 2020
    rgb = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(oklab_to_srgb(srgb_to_oklab(rgb)), rgb, atol=1e-3)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_greys_look_grey_to_everyone_and_red_looks_green_to_some(deficiency: str) -> None:
    grey = torch.full((3,), 0.5)
    assert torch.allclose(seen_with(grey, deficiency), grey, atol=1e-3)
    olive, rust = torch.tensor([[0.35, 0.45, 0.1], [0.6, 0.3, 0.1]])
    apart = (srgb_to_oklab(olive) - srgb_to_oklab(rust)).norm()
    assert (srgb_to_oklab(seen_with(olive, deficiency)) - srgb_to_oklab(seen_with(rust, deficiency))).norm() < apart


@pytest.mark.parametrize("palette", PALETTES)
def test_the_layout_fills_the_gamut_and_stays_inside(palette: str) -> None:
    layout = torch.randn(400, dimensions(palette), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lab = GamutFill.fit(layout, palette)(layout)
    linear = oklab_to_linear(lab.double())
    assert float(linear.min()) > -1e-6
    assert float(linear.max()) < 1 + 1e-6
    assert float(lab[:, 0].max() - lab[:, 0].min()) > 0.4
    assert float(lab[:, 2].max() - lab[:, 2].min()) > 0.3


@pytest.mark.parametrize("palette", PALETTES)
def test_what_is_apart_does_not_look_alike(palette: str) -> None:
    x, label = separated()
    places = kmeans_landmarks(x, 60, iterations=5)
    rgb = color_reference(places, nearest(x, places), palette).map(x)
    one_each = torch.stack([(label == group).nonzero()[0, 0] for group in range(10)])
    views = [rgb] if palette == "standard" else [rgb, *(seen(rgb, deficiency) for deficiency in DEFICIENCIES)]
    for view in views:
        assert collision_rate(x[one_each], view[one_each], 2 * JUST_NOTICEABLE) == 0.0


def seen(rgb: torch.Tensor, deficiency: str) -> torch.Tensor:
    return (seen_with(rgb.float() / 255, deficiency) * 255).round().to(torch.uint8)


def test_a_small_step_is_a_small_step_in_colour() -> None:
    x, _ = separated(noise=0.3)
    places = kmeans_landmarks(x, 160, iterations=5)
    colors = color_reference(places, nearest(x, places), "standard").map
    step = 1e-3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    change = (bytes_to_oklab(colors(x + step)) - bytes_to_oklab(colors(x))).norm(dim=1)
    assert float(change.mean()) < JUST_NOTICEABLE / 10
    assert float(change.max()) < 2 * JUST_NOTICEABLE


def test_colours_are_the_same_every_time() -> None:
    x, _ = separated(noise=0.3)
    places = kmeans_landmarks(x, 160, iterations=5)
    first, second = (color_reference(places, nearest(x, places), "standard") for _ in range(2))
    assert torch.equal(first.map(x), second.map(x))


def test_a_turned_basis_gets_the_reference_s_colours() -> None:
    x, label = separated(noise=0.2)
    turned = x @ torch.linalg.qr(torch.randn(19, 19, generator=torch.Generator().manual_seed(2)))[0]
    places, turned_places = kmeans_landmarks(x, 120, iterations=5), kmeans_landmarks(turned, 120, iterations=5)
    reference = color_reference(places, nearest(x, places), "standard")
    follows = aligned_colors(turned_places, nearest(turned, turned_places), reference)
    alone = color_reference(turned_places, nearest(turned, turned_places), "standard").map

    def difference(rgb: torch.Tensor) -> float:
        return float((bytes_to_oklab(rgb) - bytes_to_oklab(reference.map(x))).norm(dim=1).mean())

    assert difference(follows(turned)) < 0.05 < difference(alone(turned))
    assert len(set(label.tolist())) == 10


def test_what_has_merged_at_a_site_looks_merged_there() -> None:
    x, label = separated(groups=6)
    merged = x.clone()
    merged[label == 1] = merged[label == 0][: int((label == 1).sum())]  # two things apart at the reference
    places, merged_places = kmeans_landmarks(x, 60, iterations=5), kmeans_landmarks(merged, 60, iterations=5)
    reference = color_reference(places, nearest(x, places), "standard")
    site = aligned_colors(merged_places, nearest(merged, merged_places), reference)

    def gap(rgb: torch.Tensor) -> float:
        lab = bytes_to_oklab(rgb)
        return float((lab[label == 0].mean(0) - lab[label == 1].mean(0)).norm())

    assert gap(reference.map(x)) > 5 * JUST_NOTICEABLE
    assert gap(site(merged)) < JUST_NOTICEABLE


@pytest.mark.parametrize("palette", PALETTES)
def test_any_two_segments_can_be_told_apart(palette: str) -> None:
    wanted = torch.rand(24, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.4, 0.2, 0.2]) + 0.4
    colors = torch.tensor(segment_palette(wanted, palette)) / 255
    views = [colors] if palette == "standard" else [colors, *(seen_with(colors, one) for one in DEFICIENCIES)]
    for view in views:
        assert float(torch.pdist(srgb_to_oklab(view)).min()) > LEAST[palette]


@pytest.mark.parametrize("palette", PALETTES)
def test_more_colours_keep_the_ones_there_are(palette: str) -> None:
    assert np.array_equal(distinct_colors(24, palette)[:9], distinct_colors(9, palette))
    assert len(set(map(tuple, distinct_colors(64, palette)))) == 64


def test_a_segment_looks_like_its_patches_where_others_leave_room() -> None:
    shown = distinct_colors(8, "standard")[::-1]
    wanted = srgb_to_oklab(torch.from_numpy(shown.copy()).float() / 255)
    assert np.array_equal(segment_palette(wanted, "standard"), shown)


def test_the_setting_offers_the_palettes_there_are() -> None:
    assert PARAMETERS["palette"].choices == PALETTES


@pytest.mark.parametrize("places", [torch.zeros(1, 4), torch.zeros(3, 4), torch.eye(2)], ids=["one", "equal", "two"])
@pytest.mark.parametrize("palette", PALETTES)
def test_few_places_get_colours_too(places: torch.Tensor, palette: str) -> None:
    shared = torch.zeros(5, dtype=torch.long)
    reference = color_reference(places, shared, palette)
    assert bool(torch.isfinite(reference.map.lab).all())
    assert bool(torch.isfinite(aligned_colors(places, shared, reference).lab).all())
