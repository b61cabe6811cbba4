"""DispatchService: dispatchers see the orders of the buses and act on them.

Rules:
* An act goes the road's way: queued, logged, stepped; its answer is the step's. Nothing here changes an order.
* Whoever watches and does not read is ended when `WATCH_QUEUE` changes wait for him: he lists and watches anew.
* Operators are let in as for StationService; an act bears the name of the token it came with.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from itertools import count

import grpc
from google.protobuf.message import Message

from intersections.buses.decisions import ActDone, OrderNews
from intersections.buses.orders import RULE, ActAnswer, DispatchOrder
from intersections.buses.road import BusRoad
from intersections.decisions import Decision
from v2x.arrivals import Arrival, ArrivalKind, ArrivalQueue
from v2x.errors import WireError
from v2x.ingest.access import OPERATOR, Access, Context, RefusedError
from v2x.ingest.admission import RateLimit
from v2x.ingest.streams import STOPPING
from v2x.v1 import dispatch_pb2
from v2x.wire.arrivals import decode
from v2x.wire.dispatch import bus_order, dispatch_act, dispatch_answer, line_mode

ACTS: dict[str, tuple[type[Message], str]] = {  # by method: its request, and the member of DispatchAct that holds it
    "Accept": (dispatch_pb2.AcceptOrderRequest, "accept"),
    "Change": (dispatch_pb2.ChangeOrderRequest, "change"),
    "Reject": (dispatch_pb2.RejectOrderRequest, "reject"),
    "Order": (dispatch_pb2.GiveOrderRequest, "order"),
    "Withdraw": (dispatch_pb2.WithdrawOrderRequest, "withdraw"),
    "Text": (dispatch_pb2.SendTextRequest, "text"),
    "SetHeadway": (dispatch_pb2.SetHeadwayRequest, "headway"),
    "SetMode": (dispatch_pb2.SetModeRequest, "mode"),
}
ANSWER_S = 10.0  # a step that does not come for so long is a road that stands still
ACTS_PER_S, ACTS_BURST = 50.0, 200  # of all dispatchers: the input queue never drops what people said
MAX_ENDED = 1000
WATCHERS_MAX = 64
WATCH_QUEUE = 4096

LAGS = RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{WATCH_QUEUE} changes were left unread; list, and watch anew")
NO_BUSES = RefusedError(grpc.StatusCode.FAILED_PRECONDITION, "no bus network is served here; run: v2x serve --gtfs FOLDER")


class _Watcher:
    def __init__(self, line: str) -> None:
        self._line = line
        self._waiting: deque[bytes] = deque()
        self._filled = asyncio.Event()
        self._end: RefusedError | None = None

    def tell(self, news: OrderNews, payload: bytes) -> None:
        if self._line in {"", news.record.order.line}:
            self._waiting.append(payload)
            if len(self._waiting) > WATCH_QUEUE:
                self.end(LAGS)
            self._filled.set()

    def end(self, refusal: RefusedError) -> None:
        self._end = self._end or refusal
        self._filled.set()

    async def next(self) -> bytes:
        """Raises RefusedError when it is over."""
        while not self._waiting and self._end is None:
            self._filled.clear()
            await self._filled.wait()
        if self._end is not None:
            raise self._end
        return self._waiting.popleft()


class DispatchService:
    def __init__(self, access: Access, queue: ArrivalQueue, buses: BusRoad | None, now_ns: Callable[[], int]) -> None:
        self._access = access
        self._queue = queue
        self._buses = buses
        self._now_ns = now_ns
        self._numbers = count(1)
        self._acts = RateLimit(ACTS_PER_S, ACTS_BURST)
        self._answers: dict[str, asyncio.Future[ActAnswer]] = {}
        self._watchers: set[_Watcher] = set()

    def handlers(self) -> dict[str, "grpc.RpcMethodHandler[bytes, bytes]"]:
        unary = {name: partial(self._act, name) for name in ACTS} | {"List": self._list}
        handlers = {name: grpc.unary_unary_rpc_method_handler(serve) for name, serve in unary.items()}
        return handlers | {"Watch": grpc.unary_stream_rpc_method_handler(self._watch)}

    def publish(self, decisions: Sequence[Decision]) -> None:
        """Answers to those who wait for them, changes to those who watch; never waits."""
        for decision in decisions:
            if isinstance(decision, ActDone):
                waiting = self._answers.pop(decision.answer.act, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(decision.answer)
            elif isinstance(decision, OrderNews) and self._watchers:
                payload = bus_order(decision.record).SerializeToString()
                for watcher in self._watchers:
                    watcher.tell(decision, payload)

    def end_all(self) -> None:
        for watcher in self._watchers:
            watcher.end(STOPPING)

    async def _act(self, method: str, payload: bytes, context: Context) -> bytes:
        try:
            answer = await self._done(method, payload, context)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        except WireError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.text)
        return dispatch_answer(answer).SerializeToString()

    async def _done(self, method: str, payload: bytes, context: Context) -> ActAnswer:
        """Raises RefusedError, WireError."""
        author, buses, received_ns = self._admit(context)
        if not self._acts.takes(received_ns):
            raise RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"more than {ACTS_PER_S:g} acts a second")
        request, member = ACTS[method]
        message = dispatch_pb2.DispatchAct(id=f"{received_ns}-{next(self._numbers)}", author=OPERATOR if author == RULE else author)
        getattr(message, member).CopyFrom(decode(request, payload))
        sample = dispatch_act(message, received_ns)
        waiting: asyncio.Future[ActAnswer] = asyncio.get_running_loop().create_future()
        self._answers[sample.id] = waiting
        kept = message.SerializeToString()
        self._queue.put(Arrival(ArrivalKind.DISPATCH, sample.author, buses.id, received_ns, received_ns, kept, sample))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await waiting
        except TimeoutError:
            text = "taken, and not answered in time: list the orders to see what became of it"
            raise RefusedError(grpc.StatusCode.DEADLINE_EXCEEDED, text) from None
        finally:
            self._answers.pop(sample.id, None)

    async def _list(self, payload: bytes, context: Context) -> bytes:
        try:
            _, buses, _ = self._admit(context)
            request = decode(dispatch_pb2.ListOrdersRequest, payload)
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        except WireError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.text)
        book = buses.dispatcher.book
        wanted = [one for one in book.ended() if _is_of(one.order, request)] if request.ended else []
        records = wanted[-min(request.ended, MAX_ENDED) :] if wanted else []
        records += [one for one in book.open() if _is_of(one.order, request)]
        lines = [name for name in buses.dispatcher.lines if request.line in {"", name}]
        modes = [line_mode(name, book.mode(name), buses.dispatcher.headways_s.get(name, 0.0)) for name in lines]
        return dispatch_pb2.ListOrdersResponse(orders=[bus_order(one) for one in records], lines=modes).SerializeToString()

    async def _watch(self, payload: bytes, context: Context) -> AsyncIterator[bytes]:
        watcher: _Watcher | None = None
        try:
            self._admit(context)
            watcher = self._watcher(decode(dispatch_pb2.WatchOrdersRequest, payload).line)
            await context.send_initial_metadata(())  # from here on nothing is missed
            while True:
                yield await watcher.next()
        except RefusedError as refusal:
            await context.abort(refusal.code, refusal.text)
        except WireError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.text)
        finally:
            if watcher is not None:
                self._watchers.discard(watcher)

    def _watcher(self, line: str) -> _Watcher:
        if len(self._watchers) >= WATCHERS_MAX:
            raise RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{WATCHERS_MAX} dispatchers watch already")
        watcher = _Watcher(line)
        self._watchers.add(watcher)
        return watcher

    def _admit(self, context: Context) -> tuple[str, BusRoad, int]:
        """Raises RefusedError."""
        now_ns = self._now_ns()
        author = self._access.admit_operator(context, now_ns)
        if self._buses is None:
            raise NO_BUSES
        return author, self._buses, now_ns


def _is_of(order: DispatchOrder, request: dispatch_pb2.ListOrdersRequest) -> bool:
    return request.line in {"", order.line} and request.vehicle in {"", order.vehicle}
