"""A network that can be parted: TCP carried between two ports, until it is held or cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

PIECE_B = 1 << 16


class Way:
    """What goes to a port of this computer by another one; both directions of each connection.

    Held, it takes what is sent and lets nothing through, as a cable that is pulled; when it is let
    go on, what was sent comes late. Cut, every connection ends, and what was under way is lost.
    """

    def __init__(self, goal: Callable[[], int]) -> None:
        self.port = 0
        self._goal = goal
        self._open = asyncio.Event()
        self._open.set()
        self._ends: set[asyncio.StreamWriter] = set()

    def hold(self) -> None:
        """Let nothing through."""
        self._open.clear()

    def free(self) -> None:
        """Let all through again."""
        self._open.set()

    def cut(self) -> None:
        """End every connection, with what is under way."""
        for end in list(self._ends):
            end.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self._ends.add(writer)
        far_end = None
        try:
            await self._open.wait()
            far, far_end = await asyncio.open_connection("127.0.0.1", self._goal())
            self._ends.add(far_end)
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pump(reader, far_end)),
                    asyncio.ensure_future(self._pump(far, writer)),
                ]
            )
        except (OSError, asyncio.CancelledError):  # the far end is not there; the test is over
            pass
        finally:
            for end in (writer, far_end):
                if end is not None:
                    self._ends.discard(end)
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_B):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            await self._open.wait()
            writer.close()


@contextlib.asynccontextmanager
async def way(goal: Callable[[], int], port: int = 0) -> AsyncIterator[Way]:
    """Yield a way to the port that `goal` names when somebody comes; by `port`, or any."""
    made = Way(goal)
    server = await asyncio.start_server(made.carry, "127.0.0.1", port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.free()
        made.cut()
        server.close()
