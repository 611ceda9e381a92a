"""Connections on which nobody asks anything: they are let go, lest they keep others out."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

IDLE_S, LOOK_S = 20.0, 5.0


async def let_go(
    connections: Collection[Any], idle_s: float = IDLE_S, look_s: float = LOOK_S
) -> None:
    """Close, until it is cancelled, each connection without a request under way for so long.

    `connections`: of uvicorn, which waits without end for a first request, or for the rest of one.
    """
    since_s: dict[Any, float] = {}
    while True:
        await asyncio.sleep(look_s)
        now_s = time.monotonic()
        idle = [one for one in connections if one.cycle is None or one.cycle.response_complete]
        since_s = {one: since_s.get(one, now_s) for one in idle}
        for one, at_s in since_s.items():
            if now_s - at_s >= idle_s:
                one.transport.close()
