"""Work side by side: in order, and the number of threads is what it was."""

from __future__ import annotations

import pytest
import torch

from analyzer.threads import one_thread, side_by_side


@pytest.mark.parametrize("threads", [1, 2])
def test_results_come_in_order_each_from_one_thread(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert side_by_side(lambda item: (item, torch.get_num_threads()), range(7)) == [(item, 1) for item in range(7)]
        assert side_by_side(str, []) == []
        with pytest.raises(ZeroDivisionError):
            side_by_side(lambda item: 1 / item, [1, 0])
        with pytest.raises(KeyError), one_thread():
            raise KeyError
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
