"""What is seen to once the server has its socket and all its modules, before it takes requests."""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def ready_to_answer(_app: Any) -> AsyncIterator[None]:
    """For `st.App(…, lifespan=…)`."""
    for one in gc.get_objects():
        if issubclass(type(one), socket.socket):  # isinstance would ask each object, and some do things when asked
            answer_at_once(one)
    # Streamlit collects all garbage after every rerun, with the lock held that its answers wait for: over what the imports
    # have left, which never goes, that takes a fifth of a second. Only what comes later is looked at.
    gc.freeze()
    yield


def answer_at_once(listening: socket.socket) -> None:
    """Connections that `listening` accepts from now on hold nothing back; nothing happens to any other kind of socket.

    An answer is written in two parts, head and body, and TCP holds the second back until the first is acknowledged, which the
    other side puts off for 40 ms (Nagle's algorithm against delayed acknowledgement). asyncio therefore sets TCP_NODELAY, but
    only on sockets that say they are TCP, and the one that Streamlit binds does not (its protocol is 0, "the usual one"). A
    connection has the option from the socket that accepts it.
    """
    with suppress(OSError):
        if listening.family in (socket.AF_INET, socket.AF_INET6) and listening.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        ):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
