"""Effects in physical units; the chance that background would have done the same."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.dependence.effects import Quantities, relabelled, smallest_p
from foundation.action_space import LIBERO, ActionSpace, unnamed


def told(space: ActionSpace, change: list[float], control: list[float]) -> dict[str, tuple[float, str, float | None]]:
    effects = Quantities.of(space).effects([np.array(change)] * 2, [np.array([control] * 3)] * 2, seed=0)
    return {effect.quantity: (effect.value, effect.unit, effect.signed) for effect in effects}


def test_libero_is_told_in_centimetres_degrees_and_travel() -> None:
    effects = told(LIBERO, [0.6, -0.8, 0, 0.1, 0, 0, 2.0], [0.0] * 7)
    assert effects["translation"] == (pytest.approx(5.0), "cm per step", None)
    assert effects["rotation"] == (pytest.approx(0.05 * 180 / np.pi), "° per step", None)
    assert effects["gripper"][:2] == (pytest.approx(1.0), "of its travel")  # a group of one, and a dimension, agree
    assert effects["dx"] == (pytest.approx(3.0), "cm per step", pytest.approx(3.0))
    assert effects["dy"] == (pytest.approx(4.0), "cm per step", pytest.approx(-4.0))
    assert [quantity.name for quantity in Quantities.of(LIBERO).single] == list(LIBERO.names)


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [("m", 100.0, "cm"), ("mm", 0.1, "cm"), ("deg", 1.0, "°"), ("N", 1.0, "N"), ("", 1.0, "")],
)
def test_units(unit: str, value: float, shown: str) -> None:
    effects = told(ActionSpace(("a", "b"), (unit, unit)), [1.0, 0.0], [0.0, 0.0])
    assert effects["a"] == (pytest.approx(value), shown, pytest.approx(value))


def test_what_has_no_unit_goes_together_and_mixed_units_have_none() -> None:
    assert told(unnamed(3), [1.0, 2.0, 2.0], [0.0] * 3)["action"] == (3.0, "", None)
    mixed = ActionSpace(("a", "b"), ("N", ""))
    assert told(mixed, [3.0, 4.0], [0.0] * 2)["action"] == (5.0, "", None)


def test_a_group_that_stands_out_comes_first() -> None:
    quantities = Quantities.of(LIBERO)
    rng = np.random.default_rng(0)
    controls = [rng.normal(0, 0.1, (3, 7)) for _ in range(6)]
    turned = [np.array([0.05, 0, 0, 5.0, 0, 0, 0])] * 6
    effects = quantities.effects(turned, controls, seed=0)
    assert effects[0].quantity == "rotation"
    assert effects[0].p == pytest.approx(4.0**-6)
    assert effects[0].control == pytest.approx(
        np.mean([np.linalg.norm(c[:, 3:6] * 0.5 * 180 / np.pi, axis=1).mean() for c in controls])
    )
    assert effects[0].control_spread > 0
    assert [effect.quantity for effect in effects[1:3]] == ["translation", "gripper"]
    both = quantities.effects([np.array([2.0, 0, 0, 5.0, 0, 0, 0])] * 6, controls, seed=0)
    assert [effect.quantity for effect in both[:3]] == ["translation", "rotation", "gripper"]


def test_the_exact_chance_of_a_relabelling() -> None:
    """Two frames, two pieces: of nine choices, three give as large a sum, the true one among them."""
    assert relabelled([3, 5], [np.array([1, 4]), np.array([2, 4])], 0) == pytest.approx(3 / 9)
    assert relabelled([1.0], [np.array([1.0, 1.0, 1.0])], 0) == 1
    assert relabelled([0.0] * 3, [np.zeros(3)] * 3, 0) == 1
    assert relabelled([9.0], [np.array([1.0, 2.0, 3.0])], 0) == 0.25


def test_chance_is_kept_where_nothing_depends() -> None:
    """Under the null a p below 0.05 comes up in 5 % of cases, exactly or by sampling."""
    rng = np.random.default_rng(1)
    for frames, times in ((4, 600), (9, 150)):
        drawn = [
            relabelled(list(sizes[:, 0]), list(sizes[:, 1:]), 0) for sizes in rng.exponential(size=(times, frames, 4))
        ]
        assert 0.02 < np.mean(np.array(drawn) <= 0.05) < 0.09


def test_a_sample_of_relabellings_agrees_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    sizes, controls = list(rng.exponential(1.5, size=6)), list(rng.exponential(size=(6, 3)))
    exact = relabelled(sizes, controls, 0)
    monkeypatch.setattr("analyzer.dependence.effects.EXACT", 4000)
    sampled = relabelled(sizes, controls, 0)
    assert sampled == pytest.approx(exact, abs=4 * np.sqrt(exact / 4000))
    assert sampled != exact


def test_the_smallest_chance_that_can_be_seen() -> None:
    assert smallest_p([3], 3) == 0.75
    assert smallest_p([3, 3, 0, 1], 1) == pytest.approx(1 / 32)
    assert smallest_p([], 2) == 2
