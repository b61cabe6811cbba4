"""What every stream has in common: one task reads, one writes, and either side may end it with a sentence.

Rules:
* Reading never waits for writing: a peer that stops reading is still heard, and holds up nobody.
* Whoever is refused gets a gRPC status and what to do about it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import grpc

from v2x.ingest.access import Context, RefusedError

Requests = AsyncIterator[bytes]

STOPPING = RefusedError(grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again")


async def first_message(requests: Requests, within_s: float) -> bytes:
    """Raises RefusedError where the peer says nothing."""
    try:
        async with asyncio.timeout(within_s):
            return await anext(requests)
    except TimeoutError:
        raise RefusedError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no message within {within_s:g} s") from None
    except StopAsyncIteration:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "the stream ended before its first message") from None


class OpenStream:
    """One stream while it is served."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader: asyncio.Task[object] | None = None
        self._refusal: RefusedError | None = None
        self._is_sending = False

    def end(self, refusal: RefusedError) -> None:
        """Stop reading; the peer is told why once what is being sent is sent."""
        self._refusal = refusal
        if self._reader is not None:
            self._reader.cancel()

    async def send(self, payload: bytes) -> None:
        self._is_sending = True
        await self._context.write(payload)
        self._is_sending = False

    async def serve(
        self,
        read: Coroutine[object, object, object],
        write: Coroutine[object, object, object],
        last: Callable[[], bytes | None],
        last_within_s: float,
    ) -> None:
        """Until the peer ends its side, or `end` is called; then one last message, if there is one and the peer still reads."""
        self._reader = asyncio.create_task(read, name="stream-read")
        writer = asyncio.create_task(write, name="stream-write")
        if self._refusal is not None:
            self._reader.cancel()
        try:
            await asyncio.wait((self._reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            outcomes = await _cancelled(self._reader, writer)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        await self._say_last(last(), last_within_s)
        if self._refusal is not None:
            await self._context.abort(self._refusal.code, self._refusal.text)

    async def _say_last(self, payload: bytes | None, within_s: float) -> None:
        if payload is None or self._is_sending:
            return
        try:
            async with asyncio.timeout(within_s):
                await self.send(payload)
        except TimeoutError:
            return  # the peer no longer reads; the status still reaches it


async def _cancelled(*tasks: asyncio.Task[object]) -> list[object]:
    for task in tasks:
        task.cancel()
    return list(await asyncio.gather(*tasks, return_exceptions=True))
