"""Connections to the page of a lab on which nobody asks anything."""

import asyncio
import contextlib
import socket

import pytest

from tinybench.runner.lab.page.idle import let_go

uvicorn = pytest.importorskip("uvicorn")


def test_idle_connections_are_let_go_and_a_stream_is_not() -> None:
    """One that says nothing, one with half a request, one that is answered; events go on."""

    async def app(_: object, __: object, send: object) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)  # type: ignore[operator]
        for _ in range(20):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})  # type: ignore[operator]
            await asyncio.sleep(0.05)
        await send({"type": "http.response.body"})  # type: ignore[operator]

    async def lab() -> None:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
            port = listening.getsockname()[1]
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            idling = asyncio.create_task(let_go(server.server_state.connections, 0.3, 0.05))
            ask = b"GET / HTTP/1.1\r\nHost: a\r\n"
            for sent, wanted in ((b"", 0), (ask, 0), (ask + b"\r\n", 20)):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                assert (await asyncio.wait_for(reader.read(), 60)).count(b"x\r\n") == wanted
                writer.close()
            idling.cancel()
            server.should_exit = True
            await serving

    asyncio.run(lab())
