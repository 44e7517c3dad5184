"""What every policy promises, on every family."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from tiny import FAMILIES, Family
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from foundation.errors import BadInput
from policies.attribution import Attributable, Attribution
from policies.densify import Densified
from policies.policy import Policy, PolicyOutput
from policies.transform import patch_corners


@dataclass(frozen=True)
class Subject:
    """A policy under test and what it takes."""

    policy: Policy
    family: Family

    def run(self, pictures: Sequence[np.ndarray], sites: Sequence[str] = (), **more: object) -> PolicyOutput:
        """Run with the family's instruction and state, unless given others."""
        given = {"instruction": self.family.instruction, "state": self.family.states(len(pictures))} | more
        return self.policy.run(pictures, sites=sites, **given)  # type: ignore[arg-type]

    def pictures(self, count: int, height: int = 60, width: int = 80) -> list[np.ndarray]:
        """Smooth random pictures: neighbouring pixels belong together, as in a recording."""
        shape = (count, len(self.policy.cameras), 6, 8, 3)
        coarse = np.random.default_rng(11).integers(0, 256, shape, dtype=np.uint8)
        return list(coarse.repeat(height // 6, axis=2).repeat(width // 8, axis=3))


@pytest.fixture(scope="module", params=FAMILIES)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    family = FAMILIES[request.param]
    return Subject(family.load(tmp_path_factory.mktemp("policy")), family)


def only(**wanted: bool) -> pytest.MarkDecorator:
    """Run for the families of which all that is `wanted` is so."""
    names = [name for name, it in FAMILIES.items() if all(getattr(it, key) == value for key, value in wanted.items())]
    return pytest.mark.parametrize("subject", names, indirect=True)


def test_families_are_what_the_suite_takes_them_for(subject: Subject) -> None:
    assert subject.family.acts == (subject.policy.action_space is not None)
    assert subject.family.several_cameras == (len(subject.policy.cameras) > 1)
    depend = any(site.depends_on_instruction for site in subject.policy.sites.values())
    assert depend <= subject.family.takes_instruction


def same(a: torch.Tensor, b: torch.Tensor) -> None:
    """Equal up to the rounding of another order of summation."""
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_sites_listed_are_sites_given(subject: Subject) -> None:
    names = list(subject.policy.sites)
    output = subject.run(subject.pictures(2), names)
    assert list(output.features) == names
    for name, site in subject.policy.sites.items():
        assert site.name == name
        assert output.features[name].shape == (2, len(subject.policy.cameras), *site.grid, site.dim)
        assert output.features[name].isfinite().all()
        assert output.features[name].dtype == subject.policy.dtype
        assert not output.features[name].requires_grad


def test_going_deeper_takes_no_less_memory(subject: Subject) -> None:
    sites, acts = list(subject.policy.sites), subject.family.acts
    shallow, deep = (
        subject.policy.weight_bytes(asked, actions=acts and asked == sites) for asked in (sites[:1], sites)
    )
    assert 0 <= shallow <= deep


def test_default_sites_exist(subject: Subject) -> None:
    assert subject.policy.default_sites
    assert set(subject.policy.default_sites) <= set(subject.policy.sites)


def test_a_second_run_gives_the_same_bits(subject: Subject) -> None:
    pictures, sites = subject.pictures(2), subject.policy.default_sites
    first, second = (subject.run(pictures, sites).features for _ in range(2))
    assert all(torch.equal(first[site], second[site]) for site in sites)


def test_a_batch_equals_its_frames_alone(subject: Subject) -> None:
    pictures, sites = subject.pictures(3), subject.policy.default_sites
    pictures[1] = pictures[1][:, :30]  # a recording may change its size: each frame stands alone
    together = subject.run(pictures, sites).features
    for index, picture in enumerate(pictures):
        alone = subject.run([picture], sites).features
        for site in sites:
            same(together[site][index], alone[site][0])


def test_a_site_does_not_depend_on_what_else_is_asked(subject: Subject) -> None:
    pictures = subject.pictures(1)
    everything = subject.run(pictures, list(subject.policy.sites)).features
    for site in subject.policy.sites:
        same(subject.run(pictures, [site]).features[site], everything[site])


def test_a_black_frame_changes_every_site(subject: Subject) -> None:
    picture = subject.pictures(1)[0]
    seen = subject.run([picture, np.zeros_like(picture)], list(subject.policy.sites)).features
    for site, features in seen.items():
        change = (features[0] - features[1]).norm() / features[0].norm()
        assert change > 0.05, site


def test_a_painted_patch_changes_its_own_features_most(subject: Subject) -> None:
    """At the shallowest site a change in the recording must show in the patch that the geometry names."""
    policy = subject.policy
    site = next(iter(policy.sites.values()))
    height, width = 180, 240
    plain = np.full((len(policy.cameras), height, width, 3), 128, np.uint8)
    corners = patch_corners(policy.transform, site.grid, height, width)
    for row, col in [(1, 1), (site.grid[0] // 2, site.grid[1] - 2), (site.grid[0] - 2, 2)]:
        (left, top), (right, bottom) = corners[row, col], corners[row + 1, col + 1]
        painted = plain.copy()
        painted[:, round(top) : round(bottom), round(left) : round(right)] = (255, 0, 0)
        features = subject.run([plain, painted], [site.name]).features[site.name]
        for camera in range(len(policy.cameras)):
            change = (features[1, camera] - features[0, camera]).norm(dim=-1)
            assert divmod(int(change.argmax()), site.grid[1]) == (row, col)


@only(several_cameras=True)
def test_cameras_keep_their_places(subject: Subject) -> None:
    """At the shallowest site a camera sees its own picture alone."""
    site = next(iter(subject.policy.sites))
    picture = subject.pictures(1)[0]
    changed = picture.copy()
    changed[1] = 255 - changed[1]
    features = subject.run([picture, changed], [site]).features[site]
    same(features[0, 0], features[1, 0])
    assert (features[0, 1] - features[1, 1]).abs().max() > 0.01


@only(takes_instruction=True)
def test_instructions_change_what_is_said_to_depend_on_them_and_nothing_else(subject: Subject) -> None:
    pictures, sites = subject.pictures(1), list(subject.policy.sites)
    one = subject.run(pictures, sites).features
    other = subject.run(pictures, sites, instruction=subject.family.other_instruction()).features
    for name, site in subject.policy.sites.items():
        assert torch.equal(one[name], other[name]) != site.depends_on_instruction, name


def test_sites_that_do_not_depend_on_an_instruction_need_none(subject: Subject) -> None:
    free = [name for name, site in subject.policy.sites.items() if not site.depends_on_instruction]
    if free:
        assert set(subject.run(subject.pictures(1), free, instruction=None, state=None).features) == set(free)
    for name in set(subject.policy.sites) - set(free):
        with pytest.raises(BadInput, match="none was given"):
            subject.run(subject.pictures(1), [name], instruction=None)


def test_flops_are_those_of_the_operations_that_run(subject: Subject) -> None:
    for site in (subject.policy.sites[name] for name in subject.policy.default_sites):
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            subject.run(subject.pictures(1), [site.name])
        assert counter.get_total_flops() == pytest.approx(site.flops * len(subject.policy.cameras), rel=0.001)


def test_sites_come_in_order_of_depth(subject: Subject) -> None:
    flops = [site.flops for site in subject.policy.sites.values()]
    assert min(flops) > 0
    assert flops[-1] == max(flops)
    # A second tower begins anew, and may be narrower than the first.
    stems = [name.rpartition(".")[0] for name in subject.policy.sites]
    assert all(a <= b for (one, a), (other, b) in pairwise(zip(stems, flops, strict=True)) if one == other)


def test_the_global_random_state_is_left_alone(subject: Subject) -> None:
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    subject.run(subject.pictures(1), subject.policy.default_sites, actions=subject.policy.action_space is not None)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def modules_of(policy: object) -> list[torch.nn.Module]:
    """Every network that hangs on the policy, wherever its family keeps it."""
    kept = [value for name, value in vars(policy).items() if name != "_loaded"] + list(getattr(policy, "_loaded", []))
    inner = modules_of(vars(policy)["_policy"]) if isinstance(policy, Densified) else []
    return inner + [module for value in kept if isinstance(value, torch.nn.Module) for module in value.modules()]


def test_watching_leaves_no_trace(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run, and after one that failed half way, no hook is left on any module."""

    def hooked() -> int:
        modules = modules_of(subject.policy)
        assert modules
        return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules)

    sites = list(subject.policy.sites)
    subject.run(subject.pictures(1), sites, actions=subject.family.acts)
    assert hooked() == 0

    def fail(*_: object) -> torch.Tensor:
        raise RuntimeError("half way")

    monkeypatch.setattr(torch.nn.LayerNorm, "forward", fail)
    with pytest.raises(RuntimeError, match="half way"):
        subject.run(subject.pictures(1), sites)
    assert hooked() == 0


def test_an_unknown_site_gets_a_suggestion(subject: Subject) -> None:
    with pytest.raises(BadInput, match="Did you mean"):
        subject.run(subject.pictures(1), [next(iter(subject.policy.sites)) + "x"])


def test_frames_of_another_shape_are_refused(subject: Subject) -> None:
    picture, sites = subject.pictures(1)[0], subject.policy.default_sites
    for wrong in (picture[0], np.concatenate([picture, picture]), picture.astype(np.float32)):
        with pytest.raises(BadInput, match="cameras"):
            subject.run([wrong], sites)
    with pytest.raises(BadInput, match="no frames"):
        subject.run([], sites)


@only(acts=False)
def test_actions_are_refused_by_a_policy_that_has_none(subject: Subject) -> None:
    with pytest.raises(BadInput, match="no actions"):
        subject.run(subject.pictures(1), actions=True)


@only(acts=True)
def test_actions_have_the_dimensions_of_their_space(subject: Subject) -> None:
    output = subject.run(subject.pictures(2), actions=True)
    assert output.actions is not None
    assert output.actions.shape[0] == 2
    assert output.actions.shape[2] == len(subject.policy.action_space or ())
    assert output.actions.dtype == np.float64
    assert np.isfinite(output.actions).all()
    assert subject.policy.action_flops > 0


@only(acts=True)
def test_equal_runs_give_equal_actions(subject: Subject) -> None:
    one, two = (subject.run(subject.pictures(2), actions=True, seed=5).actions for _ in range(2))
    assert np.array_equal(one, two)  # type: ignore[arg-type]


@only(acts=True)
def test_a_batch_of_actions_equals_single_actions(subject: Subject) -> None:
    pictures = subject.pictures(3)
    together = subject.run(pictures, actions=True).actions
    assert together is not None
    for index, picture in enumerate(pictures):
        np.testing.assert_allclose(together[index], subject.run([picture], actions=True).actions[0], atol=1e-4)  # type: ignore[index]


@only(acts=True)
def test_a_black_frame_changes_the_action(subject: Subject) -> None:
    picture = subject.pictures(1)[0]
    actions = subject.run([picture, np.zeros_like(picture)], actions=True).actions
    assert actions is not None
    assert np.abs(actions[0] - actions[1]).max() > 1e-3


@only(acts=True)
def test_another_instruction_changes_the_action(subject: Subject) -> None:
    one, other = (
        subject.run(subject.pictures(1), actions=True, instruction=instruction)
        for instruction in (subject.family.instruction, subject.family.other_instruction())
    )
    assert one.actions is not None
    assert other.actions is not None
    said = (one.bin_probs, other.bin_probs) if one.bin_probs is not None else (one.actions, other.actions)
    assert not np.allclose(*said, rtol=1e-4, atol=0)  # type: ignore[arg-type]


@only(acts=True)
def test_an_action_needs_an_instruction(subject: Subject) -> None:
    with pytest.raises(BadInput, match="none was given"):
        subject.run(subject.pictures(1), actions=True, instruction=None)


def test_it_says_how_large_a_state_it_takes(subject: Subject) -> None:
    assert subject.policy.state_size == subject.family.state


@only(takes_state=True)
def test_proprioception_is_asked_for_by_name(subject: Subject) -> None:
    for wrong in (None, np.zeros((1, subject.family.state + 1)), np.full((1, subject.family.state), np.nan)):
        with pytest.raises(BadInput, match="proprioception"):
            subject.run(subject.pictures(1), actions=True, state=wrong)
    zero, one = (
        subject.run(subject.pictures(1), actions=True, state=np.full((1, subject.family.state), value)).actions
        for value in (0.0, 1.0)
    )
    assert not np.array_equal(zero, one)  # type: ignore[arg-type]


def test_what_acts_tells_what_moves_its_action(subject: Subject) -> None:
    assert isinstance(subject.policy, Attributable) == subject.family.acts


def attributed(subject: Subject, pictures: Sequence[np.ndarray], **more: object) -> Attribution:
    assert isinstance(subject.policy, Attributable)
    given = {"instruction": subject.family.instruction, "state": subject.family.states(len(pictures))} | more
    return subject.policy.attribute(pictures, **given)  # type: ignore[arg-type]


@only(acts=True)
def test_attribution_is_of_every_patch_and_dimension_and_the_same_every_time(subject: Subject) -> None:
    pictures = subject.pictures(2)
    one, two = (attributed(subject, pictures, seed=5) for _ in range(2))
    grid = subject.policy.sites[one.site].grid
    assert one.actions.shape == (2, len(subject.policy.action_space or ()))
    assert one.values.shape == (2, len(subject.policy.cameras), *grid, one.actions.shape[1])
    assert np.isfinite(one.values).all()
    assert (np.abs(one.values).reshape(-1, one.actions.shape[1]).max(axis=0) > 0).all()
    assert np.array_equal(one.values, two.values)
    assert np.array_equal(one.actions, two.actions)


@only(acts=True)
def test_a_batch_of_attributions_equals_single_ones(subject: Subject) -> None:
    pictures = subject.pictures(3)
    together = attributed(subject, pictures)
    for index, picture in enumerate(pictures):
        alone = attributed(subject, [picture])
        scale = np.abs(alone.values).max()
        np.testing.assert_allclose(together.values[index] / scale, alone.values[0] / scale, atol=1e-3)


@only(acts=True)
def test_attribution_is_the_derivative_that_finite_differences_find(subject: Subject) -> None:
    """In the strongest patch of every camera, and in a random direction through all patches at once."""
    pictures = subject.pictures(1)
    plain = attributed(subject, pictures)
    shape, size = plain.values.shape[:4], plain.values.shape[4]

    def acted(gates: np.ndarray) -> np.ndarray:
        return attributed(subject, pictures, gates=gates).actions[0]

    directions = [(np.random.default_rng(3).normal(size=shape), 0.2)]
    for camera in range(shape[1]):
        single = np.zeros(shape)
        single.reshape(shape[1], -1)[camera, np.abs(plain.values[0, camera]).sum(-1).argmax()] = 1
        directions.append((single, 0.05))
    for direction, step in directions:
        direction = direction / np.linalg.norm(direction)
        near, far = (acted(1 + h * direction) - acted(1 - h * direction) for h in (step, 2 * step))
        measured = (8 * near - far) / (12 * step)  # what is left is of the order of step**4
        expected = direction.reshape(-1) @ plain.values.reshape(-1, size)
        np.testing.assert_allclose(measured, expected, atol=0.02 * np.abs(expected).max(), rtol=0)


@only(acts=True)
def test_an_attribution_needs_what_an_action_needs(subject: Subject) -> None:
    pictures = subject.pictures(1)
    with pytest.raises(BadInput, match="none was given"):
        attributed(subject, pictures, instruction=None)
    with pytest.raises(BadInput, match="Gates are"):
        attributed(subject, pictures, gates=np.ones((1, 1, 2, 3)))
    if subject.family.takes_state:
        with pytest.raises(BadInput, match="proprioception"):
            attributed(subject, pictures, state=None)
