"""What is known of the buses over HTTP: `GET /gtfs-rt/{network}/{trip-updates|vehicle-positions|alerts}` for passengers' applications,
`GET /service/{network}/{service.html|service.json}` for who runs them.

Rules:
* h11 reads and writes HTTP; here are only the sockets, the paths and the bounds.
* One request at a time on a connection, a bounded number of connections, a deadline for each request: a slow client costs one place.
* Only GET and HEAD. There is nothing secret in the feeds and nothing that can be changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import PurePath
from urllib.parse import unquote

import h11

MAX_CONNECTIONS = 256
REQUEST_TIMEOUT_S = 10.0
READ_BYTES = 16_384
PROTOBUF, TEXT = b"application/x-protobuf", b"text/plain; charset=utf-8"
CONTENT_TYPES = {".html": b"text/html; charset=utf-8", ".json": b"application/json"}  # by the kind's suffix; the others are protobuf
Feed = Callable[[str, str], Awaitable[bytes | None]]


class FeedServer:
    """`feeds`: by the first word of the path; network and kind to what is told, None for what there is not."""

    def __init__(self, feeds: Mapping[str, Feed]) -> None:
        self._feeds = dict(feeds)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.refused = 0

    async def listen(self, host: str, port: int) -> int:
        """-> the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            self.refused += 1
            writer.close()
            return
        self._open.add(writer)
        connection = h11.Connection(h11.SERVER)
        try:
            while connection.our_state is h11.IDLE:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await self._exchange(connection, reader, writer)
        except (TimeoutError, ConnectionError, h11.RemoteProtocolError):
            self.refused += 1
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request: h11.Request | None = None
        while not isinstance(event := connection.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
        if request is None:
            writer.write(connection.send(h11.ConnectionClosed()) or b"")
            return
        status, kind, body = await self._answer(request)
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-cache")]
        sent = [h11.Response(status_code=status, headers=headers, reason=status.phrase)]
        data = b"" if request.method == b"HEAD" else body
        for event in (*sent, h11.Data(data=data), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()

    async def _answer(self, request: h11.Request) -> tuple[HTTPStatus, bytes, bytes]:
        if request.method not in {b"GET", b"HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"GET or HEAD\n"
        words = request.target.decode("ascii").partition("?")[0].strip("/").split("/")
        if len(words) == 3 and words[0] in self._feeds:
            told = await self._feeds[words[0]](unquote(words[1]), words[2])
            if told is not None:
                return HTTPStatus.OK, CONTENT_TYPES.get(PurePath(words[2]).suffix, PROTOBUF), told
        return HTTPStatus.NOT_FOUND, TEXT, b"no such feed, or nothing known yet\n"
