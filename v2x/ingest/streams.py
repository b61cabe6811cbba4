"""What every stream has in common: one task reads, one writes, and either side may end it with a sentence.

Rules:
* Reading never waits for writing: a peer that stops reading is still heard, and holds up nobody.
* Whoever is refused gets a gRPC status and what to do about it.
* No gRPC operation is ever cancelled: grpc.aio 1.85 frees an operation with its coroutine while the C core still writes to it.
  Reads and sends live in tasks of their own; they are left to fail when their call ends.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TypeVar

import grpc

from v2x.ingest.access import Context, RefusedError

T = TypeVar("T")
Requests = AsyncIterator[bytes]
Running = Coroutine[object, object, None]

STOPPING = RefusedError(grpc.StatusCode.UNAVAILABLE, "the server is stopping; connect again")


async def first_message(requests: Requests, within_s: float) -> bytes:
    """Raises RefusedError where the peer says nothing."""
    reading = _detached(_next(requests))
    await asyncio.wait((reading,), timeout=within_s)
    if not reading.done():
        raise RefusedError(grpc.StatusCode.DEADLINE_EXCEEDED, f"no message within {within_s:g} s")
    payload = reading.result()
    if payload is None:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "the stream ended before its first message")
    return payload


class OpenStream:
    """One stream while it is served."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended = asyncio.Event()
        self._refusal: RefusedError | None = None
        self._is_sending = False

    @property
    def is_ended(self) -> bool:
        return self._ended.is_set()

    def end(self, refusal: RefusedError) -> None:
        """The peer is told why, behind what is being sent."""
        self._refusal = refusal
        self._ended.set()

    async def send(self, payload: bytes) -> None:
        self._is_sending = True
        await self._context.write(payload)
        self._is_sending = False

    async def serve(self, read: Running, write: Running, last: Callable[[], bytes | None], last_within_s: float) -> None:
        """Until the peer ends its side, or `end` is called; then one last message, if there is one and the peer still reads."""
        reader, writer = _detached(read), _detached(write)
        ended = asyncio.create_task(self._ended.wait(), name="stream-ended")
        try:
            await asyncio.wait((reader, writer, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not self._is_sending:
                writer.cancel()
        for task in (reader, writer):
            if task.done() and not task.cancelled():
                task.result()
        await self._say_last(last(), last_within_s)
        if self._refusal is not None:
            await self._context.abort(self._refusal.code, self._refusal.text)

    async def _say_last(self, payload: bytes | None, within_s: float) -> None:
        """Without waiting long: the status reaches a peer that no longer reads all the same."""
        if payload is not None and not self._is_sending:
            await asyncio.wait((_detached(self.send(payload)),), timeout=within_s)


async def _next(requests: Requests) -> bytes | None:
    return await anext(requests, None)


def _detached(work: Coroutine[object, object, T]) -> asyncio.Task[T]:
    """A task that may outlive its call and then fails with it, which says nothing new."""
    task = asyncio.create_task(work, name="stream")
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
