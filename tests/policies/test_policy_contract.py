"""What every policy promises, on every family."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from foundation.errors import BadInput
from policies.catalog import load_policy
from policies.policy import Policy
from policies.transform import patch_corners

DATA = Path(__file__).parents[1] / "data"
FAMILIES: dict[str, Callable[[], Policy]] = {
    "dinov2-small": lambda: load_policy("dinov2-small", input_size=112),
    "openvla": lambda: load_policy(str(DATA / "openvla_golden")),
}


@pytest.fixture(scope="module", params=FAMILIES)
def policy(request: pytest.FixtureRequest) -> Policy:
    return FAMILIES[request.param]()


def frames(policy: Policy, count: int, height: int = 60, width: int = 80) -> list[np.ndarray]:
    """Smooth random pictures: neighbouring pixels belong together, as in a recording."""
    coarse = np.random.default_rng(11).integers(0, 256, (count, len(policy.cameras), 6, 8, 3), dtype=np.uint8)
    return list(coarse.repeat(height // 6, axis=2).repeat(width // 8, axis=3))


def same(a: torch.Tensor, b: torch.Tensor) -> None:
    """Equal up to the rounding of another order of summation."""
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_sites_listed_are_sites_given(policy: Policy) -> None:
    names = list(policy.sites)
    output = policy.run(frames(policy, 2), sites=names)
    assert list(output.features) == names
    for name, site in policy.sites.items():
        assert site.name == name
        assert output.features[name].shape == (2, len(policy.cameras), *site.grid, site.dim)
        assert output.features[name].isfinite().all()
        assert not output.features[name].requires_grad


def test_default_sites_exist(policy: Policy) -> None:
    assert policy.default_sites
    assert set(policy.default_sites) <= set(policy.sites)


def test_a_second_run_gives_the_same_bits(policy: Policy) -> None:
    pictures = frames(policy, 2)
    first, second = (policy.run(pictures, sites=policy.default_sites).features for _ in range(2))
    assert all(torch.equal(first[site], second[site]) for site in policy.default_sites)


def test_a_batch_equals_its_frames_alone(policy: Policy) -> None:
    pictures = frames(policy, 3)
    pictures[1] = pictures[1][:, :30]  # a recording may change its size: each frame stands alone
    together = policy.run(pictures, sites=policy.default_sites).features
    for index, picture in enumerate(pictures):
        alone = policy.run([picture], sites=policy.default_sites).features
        for site in policy.default_sites:
            same(together[site][index], alone[site][0])


def test_a_site_does_not_depend_on_what_else_is_asked(policy: Policy) -> None:
    pictures = frames(policy, 1)
    everything = policy.run(pictures, sites=list(policy.sites)).features
    for site in policy.sites:
        same(policy.run(pictures, sites=[site]).features[site], everything[site])


def test_a_black_frame_changes_every_site(policy: Policy) -> None:
    picture = frames(policy, 1)[0]
    seen = policy.run([picture, np.zeros_like(picture)], sites=list(policy.sites)).features
    for site, features in seen.items():
        change = (features[0] - features[1]).norm() / features[0].norm()
        assert change > 0.05, site


def test_a_painted_patch_changes_its_own_features_most(policy: Policy) -> None:
    """At the shallowest site a change in the recording must show in the patch that the geometry names."""
    site = next(iter(policy.sites.values()))
    height, width = 180, 240
    plain = np.full((len(policy.cameras), height, width, 3), 128, np.uint8)
    corners = patch_corners(policy.transform, site.grid, height, width)
    for row, col in [(1, 1), (site.grid[0] // 2, site.grid[1] - 2), (site.grid[0] - 2, 2)]:
        (left, top), (right, bottom) = corners[row, col], corners[row + 1, col + 1]
        painted = plain.copy()
        painted[:, round(top) : round(bottom), round(left) : round(right)] = (255, 0, 0)
        features = policy.run([plain, painted], sites=[site.name]).features[site.name]
        change = (features[1, 0] - features[0, 0]).norm(dim=-1)
        assert divmod(int(change.argmax()), site.grid[1]) == (row, col)


def test_flops_are_those_of_the_operations_that_run(policy: Policy) -> None:
    for site in (policy.sites[name] for name in policy.default_sites):
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            policy.run(frames(policy, 1), sites=[site.name])
        assert counter.get_total_flops() == pytest.approx(site.flops * len(policy.cameras), rel=0.001)


def test_sites_come_in_order_of_depth(policy: Policy) -> None:
    assert all(site.flops > 0 for site in policy.sites.values())
    assert next(iter(policy.sites.values())).flops == min(site.flops for site in policy.sites.values())
    assert list(policy.sites.values())[-1].flops == max(site.flops for site in policy.sites.values())


def test_the_global_random_state_is_left_alone(policy: Policy) -> None:
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    policy.run(frames(policy, 1), sites=policy.default_sites)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_an_unknown_site_gets_a_suggestion(policy: Policy) -> None:
    given = next(iter(policy.sites)) + "x"
    with pytest.raises(BadInput, match="Did you mean"):
        policy.run(frames(policy, 1), sites=[given])


def test_frames_of_another_shape_are_refused(policy: Policy) -> None:
    picture = frames(policy, 1)[0]
    for wrong in (picture[0], np.concatenate([picture, picture]), picture.astype(np.float32)):
        with pytest.raises(BadInput, match="cameras"):
            policy.run([wrong], sites=policy.default_sites)
    with pytest.raises(BadInput, match="no frames"):
        policy.run([], sites=policy.default_sites)


def test_actions_are_refused_by_a_policy_that_has_none(policy: Policy) -> None:
    if policy.action_space is not None:
        pytest.skip("this policy acts")
    with pytest.raises(BadInput, match="no actions"):
        policy.run(frames(policy, 1), actions=True)
