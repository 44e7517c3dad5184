"""What the server sees to before it takes requests."""

from __future__ import annotations

import gc
import socket

import pytest

from app_pages.lifespan import ready_to_answer


def test_connections_hold_no_part_of_an_answer_back() -> None:
    with socket.socket() as listening, socket.socket(socket.AF_UNIX) as other:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        try:
            # Run to its yield by hand: where Playwright is at work, a loop runs already.
            with pytest.raises(StopIteration):
                ready_to_answer(None).__aenter__().send(None)
        finally:
            gc.unfreeze()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert other.fileno() >= 0
