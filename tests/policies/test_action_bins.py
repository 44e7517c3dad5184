"""From tokens to units."""

import numpy as np
import pytest
import torch

from foundation.action_space import LIBERO
from foundation.errors import BadInput, PolicyUnavailable
from policies.action_bins import ActionBins, ActionStatistics, action_space, choose_statistics, to_recording

BINS = ActionBins(vocabulary=32000)


def statistics(key: str = "toy", dimensions: int = 7) -> ActionStatistics:
    entry = {"q01": [-2.0] * dimensions, "q99": [4.0] * dimensions, "mask": [True] * (dimensions - 1) + [False]}
    return ActionStatistics.read(key, entry)


def test_tokens_run_from_the_end_of_the_vocabulary_upwards_in_value() -> None:
    assert BINS.values(np.array([31999]))[0] == pytest.approx(-1 + 1 / 255)
    assert BINS.values(np.array([31745]))[0] == pytest.approx(1 - 1 / 255)
    assert np.all(np.diff(BINS.values(np.arange(31999, 31744, -1))) > 0)


def test_a_token_that_is_no_action_lands_on_the_nearest_end() -> None:
    assert BINS.index(np.array([31744, 5, 32063])).tolist() == [254, 254, 0]


def test_probabilities_are_ordered_by_value_and_ignore_text() -> None:
    logits = torch.zeros(2, 32064)
    logits[:, 31999] = 50.0
    logits[:, 7] = 99.0
    probabilities = BINS.probabilities(logits)
    assert probabilities.shape == (2, 256)
    assert probabilities[0].argmax() == 0
    assert probabilities.sum(-1).tolist() == pytest.approx([1, 1])


def test_masked_dimensions_keep_their_value() -> None:
    assert statistics().unnormalise(np.array([-1.0, 0, 1, 0, 0, 0, 0.25])).tolist() == [-2, 1, 4, 1, 1, 1, 0.25]


def test_the_only_dataset_needs_no_key_and_a_wrong_key_gets_a_suggestion() -> None:
    assert choose_statistics({"bridge_orig": {}}, None) == "bridge_orig"
    assert choose_statistics({"a": {}, "b": {}}, None) is None
    with pytest.raises(BadInput, match="Did you mean 'libero_spatial_no_noops'"):
        choose_statistics({"libero_spatial_no_noops": {}, "bridge_orig": {}}, "libero_spatial")


def test_liberos_gripper_is_turned_and_rounded() -> None:
    """OpenVLA: 1 opens. LIBERO's environment: -1 opens."""
    libero = statistics("libero_spatial")
    assert action_space(libero) is LIBERO
    actions = np.array([[0, 0, 0, 0, 0, 0, 0.9], [0, 0, 0, 0, 0, 0, 0.1]])
    assert to_recording(actions, libero)[:, 6].tolist() == [LIBERO.gripper_open, LIBERO.gripper_closed]
    assert to_recording(actions, statistics("bridge_orig"))[:, 6].tolist() == [0.9, 0.1]


def test_units_are_claimed_only_where_they_are_known() -> None:
    assert action_space(statistics("bridge_orig")).units[0] == "m"
    assert action_space(statistics("fractal")).units[0] == ""
    assert action_space(statistics("arm", 14)).names[0] == "action_0"


def test_statistics_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(PolicyUnavailable, match="contradict"):
        ActionStatistics.read("toy", {"q01": [0, 0], "q99": [1, 1, 1]})
    with pytest.raises(PolicyUnavailable, match="lack usable q01"):
        ActionStatistics.read("toy", {"min": [0]})
    with pytest.raises(PolicyUnavailable, match="lack usable"):
        ActionStatistics.read("toy", None)
