"""Frames coupled along the motion between them: what is followed stays as it is, what is alone in one frame is averaged."""

from __future__ import annotations

import pytest
import torch

from analyzer.ncut.coupling import Link, coupled
from analyzer.ncut.nystrom import NystromNcut

SHAPE = (1, 6, 8)


def noise(frames: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(frames, *SHAPE, channels, generator=torch.Generator().manual_seed(seed))


def link(column: float = 0.0, visible: bool = True) -> Link:
    flow = torch.zeros(*SHAPE, 2)
    flow[..., 0] = column
    return Link(flow, torch.full(SHAPE, visible))


def run(frames: torch.Tensor, links: list[tuple[Link, Link]], strength: float) -> torch.Tensor:
    return torch.stack(list(coupled(iter(frames), links, strength)))


def test_without_strength_or_without_sight_nothing_changes() -> None:
    frames = noise(4)
    assert torch.equal(run(frames, [(link(), link())] * 3, 0.0), frames)
    unseen = link(visible=False)
    torch.testing.assert_close(run(frames, [(unseen, unseen)] * 3, 1.0), frames)


def test_a_single_frame_stays_as_it_is() -> None:
    torch.testing.assert_close(run(noise(1), [], 1.0), noise(1))


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_where_nothing_moves_it_is_the_weighted_mean_of_three_frames(strength: float) -> None:
    frames = noise(5)
    out = run(frames, [(link(), link())] * 4, strength)
    torch.testing.assert_close(
        out[2], (strength * frames[1] + frames[2] + strength * frames[3]) / (1 + 2 * strength), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(out[0], (frames[0] + strength * frames[1]) / (1 + strength), rtol=1e-5, atol=1e-5)


def test_a_scene_that_moves_is_followed_and_unchanged() -> None:
    wide = torch.randn(1, 6, 20, 3, generator=torch.Generator().manual_seed(1))
    frames = torch.stack([wide[:, :, 6 - t : 14 - t] for t in range(4)])  # one patch to the right from frame to frame
    out = run(frames, [(link(1.0), link(-1.0))] * 3, 1.0)
    torch.testing.assert_close(out[:, :, :, 1:-1], frames[:, :, :, 1:-1], rtol=1e-5, atol=1e-5)


def test_noise_that_each_frame_has_alone_falls_to_a_third() -> None:
    frames = noise(200, channels=1)
    out = run(frames, [(link(), link())] * 199, 1.0)
    assert float(out[1:-1].var() / frames.var()) == pytest.approx(1 / 3, rel=0.05)


def test_coupled_shares_are_those_of_a_patch_with_the_mean_affinities() -> None:
    features = torch.randn(3 * 48, 5, generator=torch.Generator().manual_seed(2))
    fitted = NystromNcut(6, n_landmarks=32, density=0.5).fit(features)
    shares = torch.cat(list(fitted.transform_shares(features)))
    torch.testing.assert_close(fitted.normalised(shares), fitted.transform(features))
    out = run(shares.reshape(3, *SHAPE, -1), [(link(), link())] * 2, 1.0)
    affinities = fitted._affinity(features)
    mean = (affinities * fitted._balance_of(affinities)[:, None]).reshape(3, 48, -1).mean(0)
    expected = mean @ torch.cat([fitted._to_vectors, fitted._to_degree[:, None]], dim=1)
    torch.testing.assert_close(out[1].reshape(48, -1), expected, rtol=1e-4, atol=1e-5)
