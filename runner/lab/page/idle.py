"""Connections on which nobody asks anything: they are let go, lest they keep others out."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

IDLE_S, LOOK_S = 40.0, 5.0
"""Longer than uvicorn keeps a connection after an answer."""


async def let_go(
    connections: Collection[Any], idle_s: float = IDLE_S, look_s: float = LOOK_S
) -> None:
    """Close, until it is cancelled, each connection without a request under way for so long.

    `connections`: of uvicorn, which waits without end for a first request, or for the rest of one.
    """
    seen: dict[Any, tuple[Any, float]] = {}
    while True:
        await asyncio.sleep(look_s)
        now_s = time.monotonic()
        idle = [one for one in connections if one.cycle is None or one.cycle.response_complete]
        before, seen = seen, {}
        for one in idle:
            cycle, since_s = before.get(one, (one.cycle, now_s))
            seen[one] = one.cycle, since_s if cycle is one.cycle else now_s  # it has asked again
            if now_s - seen[one][1] >= idle_s:
                one.transport.close()
