"""The driver's page in a real browser of a phone's size: orders of a real book, a real broker, a wire that is cut. Time is the test's."""

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from intersections.buses.orders import Answer, OrderKind, OrderState, OrderVerdict
from tests.brokers import BROKERS, started
from tests.browser import phone
from tests.bus_orders import BEGIN_S, NOW_NS, at_ns
from tests.decided import SECOND_NS
from tests.e2e.test_dispatch_loop import Loop

PAGE = (Path(__file__).parents[2] / "examples" / "driver.html").as_uri()


class Wire:
    """Between page and broker: it carries bytes, or is cut, or is dead without a word, as radio is."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self.whole = True
        self._alive = asyncio.Event()
        self._alive.set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.cut()
        self._alive.set()
        self._server.close()

    async def _carry(self, reader, writer):
        if not self.whole:
            writer.close()
            return
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, other_writer]
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, other_writer))
                both.create_task(self._pass_on(other_reader, writer))

    async def _pass_on(self, reader, writer):
        while some := await reader.read(65536):
            await self._alive.wait()
            writer.write(some)
        writer.close()

    def cut(self):
        self.whole = False
        for writer in self._writers:
            writer.close()

    def mend(self):
        self.whole = True

    def die(self):
        self._alive.clear()

    def revive(self):
        self._alive.set()


class Scene:
    """A dispatcher's book and a driver's phone, on one clock."""

    def __init__(self, loop, page, wire):
        self.loop = loop
        self.page = page
        self.wire = wire

    async def order(self, **changed):
        """It is given, and shown."""
        order = self.loop.order(**changed)
        said, verdict = await self.loop.answer()
        assert (said.order, said.answer, verdict) == (order.id, Answer.RECEIVED, OrderVerdict.TAKEN)
        return order

    async def pass_s(self, time_s):
        self.loop.now_ns += time_s * SECOND_NS
        self.loop.book.tick(self.loop.now_ns)
        await self.page.run(f"moment = {self.loop.now_ns // 1_000_000}; show()")

    def state(self, order):
        return self.loop.book.record(order.id).state

    async def connected(self):
        await self.page.until("document.querySelector('#link.there')")

    async def away(self):
        await self.page.until("document.querySelector('#link:not(.there)')")

    async def shown(self):
        """What can be read, none of it beyond the screen's edge."""
        assert await self.page.run("document.documentElement.scrollWidth <= innerWidth")
        return await self.page.run("[...document.querySelectorAll('.order .text')].map(one => one.textContent)")

    async def told(self):
        """The latest word on what is no longer shown, without its time."""
        await self.page.until("document.querySelector('#told > li')")
        return (await self.page.run("document.querySelector('#told > li').textContent")).split(" ", 1)[1]


@asynccontextmanager
async def scene_of(broker, state, language="en"):
    async with Loop(broker.address) as loop, Wire(broker.websocket.port) as wire, phone(state) as page:
        url = f"{PAGE}?vehicle=bus-1&lang={language}&broker=ws://127.0.0.1:{wire.port}/mqtt"
        await page.go(url, f"let moment = {NOW_NS // 1_000_000}; Date.now = () => moment")
        scene = Scene(loop, page, wire)
        await scene.connected()
        yield scene


@pytest.fixture(params=BROKERS)
async def scene(request, tmp_path):
    async with started(request.param, tmp_path / "broker") as broker, scene_of(broker, tmp_path / "phone") as one:
        yield one


@pytest.fixture
async def nats(tmp_path):
    async with started("nats", tmp_path / "broker") as broker:
        yield broker


async def test_an_order_is_shown_accepted_by_a_tap_and_survives_the_page_being_loaded_again(scene):
    order = await scene.order()
    await scene.pass_s(20)
    assert await scene.shown() == ["Wait 40 s longer at Stop 2."]
    assert await scene.page.run("document.querySelector('.value').textContent") == "40 s"
    assert await scene.page.run("document.querySelector('.left').textContent") == "4:40 left"
    await scene.page.tap(".yes")
    said, verdict = await scene.loop.answer()
    assert (said.answer, verdict, scene.state(order)) == (Answer.ACCEPTED, OrderVerdict.TAKEN, OrderState.ACKNOWLEDGED)
    await scene.page.again()
    await scene.page.until("document.querySelector('.order.accepted')")
    assert await scene.page.run("document.querySelector('.yes')") is None
    await scene.pass_s(280)
    assert await scene.shown() == []


async def test_an_order_that_waited_five_minutes_at_the_broker_is_never_shown_but_refused_and_told(scene):
    scene.wire.cut()
    await scene.away()
    order = scene.loop.order(valid_until_ns=scene.loop.now_ns + 120 * SECOND_NS)
    await scene.loop.sent()
    await scene.pass_s(300)
    assert scene.state(order) is OrderState.TIMED_OUT
    assert await scene.page.run("document.querySelector('#link').textContent") == "NO CONNECTION for 5:00"
    scene.wire.mend()
    said, verdict = await scene.loop.answer()
    assert (said.order, said.answer, said.reason) == (order.id, Answer.REJECTED, "came 180 s after its end")
    assert verdict is OrderVerdict.TOO_LATE
    assert await scene.told() == "Wait 40 s longer at Stop 2. – refused: came 180 s after its end"
    assert await scene.shown() == []


async def test_an_order_that_ends_while_the_phone_is_away_goes_from_its_screen(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone") as scene:
        await scene.order(valid_until_ns=scene.loop.now_ns + 120 * SECOND_NS)
        scene.wire.cut()
        await scene.away()
        await scene.pass_s(119)
        assert await scene.shown() == ["Wait 40 s longer at Stop 2."]
        await scene.pass_s(1)
        assert await scene.shown() == []
        assert await scene.told() == "Wait 40 s longer at Stop 2. – time is over"


async def test_an_answer_given_while_the_phone_is_away_is_sent_later_even_if_the_page_was_loaded_again(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone") as scene:
        order = await scene.order()
        scene.wire.cut()
        await scene.away()
        await scene.page.tap(".yes")
        await scene.page.until("document.querySelector('#link').textContent.endsWith('1 not yet sent')")
        await scene.page.again()
        await scene.page.until("document.querySelector('.order.accepted')")
        scene.wire.mend()
        said, verdict = await scene.loop.answer()
        assert (said.answer, verdict, scene.state(order)) == (Answer.ACCEPTED, OrderVerdict.TAKEN, OrderState.ACKNOWLEDGED)


async def test_a_newer_order_replaces_a_text_stands_below_and_what_is_withdrawn_goes(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone") as scene:
        first = await scene.order()
        await scene.order(kind=OrderKind.TEXT, text="Detour by Via Marconi", value=0.0)
        await scene.pass_s(1)
        second = await scene.order(kind=OrderKind.SPEED, value=5.0)
        assert await scene.shown() == ["Drive about 18 km/h until you are at Stop 2.", "Detour by Via Marconi"]
        assert await scene.told() == "Wait 40 s longer at Stop 2. – replaced by a newer order"
        assert scene.state(first) is OrderState.SUPERSEDED
        scene.loop.book.withdraw(second.id, "anna", scene.loop.now_ns)
        scene.loop.send()
        await scene.loop.answer()
        assert await scene.shown() == ["Detour by Via Marconi"]
        assert await scene.told() == "Drive about 18 km/h until you are at Stop 2. – withdrawn"


async def test_a_departure_shows_its_time_and_how_long_until_then(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone") as scene:
        await scene.order(kind=OrderKind.DEPART_NOT_BEFORE, value=BEGIN_S + 750.0, valid_until_ns=at_ns(BEGIN_S + 810.0))
        assert await scene.shown() == ["Do not leave at Stop 2 before the time shown."]
        moment = f"new Date({at_ns(BEGIN_S + 750.0) // 1_000_000}).toTimeString().slice(0, 8)"
        assert await scene.page.run(f"document.querySelector('.value').textContent === {moment}")
        assert await scene.page.run("document.querySelector('.left').textContent") == "In 12:30 · 13:30 left"


async def test_who_says_no_says_why_also_in_chinese(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone", "zh") as scene:
        order = await scene.order()
        assert await scene.shown() == ["在Stop 2多停 40 秒"]
        await scene.page.tap(".no")
        await scene.page.tap(".why:nth-child(2)")
        said, _ = await scene.loop.answer()
        assert (said.answer, said.reason, scene.state(order)) == (Answer.REJECTED, "道路不通", OrderState.REJECTED)
        assert await scene.told() == "在Stop 2多停 40 秒 – 已拒绝: 道路不通"


async def test_a_wire_that_died_without_a_word_is_noticed_by_the_second_ping(nats, tmp_path):
    async with scene_of(nats, tmp_path / "phone") as scene:
        scene.wire.die()
        await scene.page.run("link.ping()")
        assert await scene.page.run("document.querySelector('#link').className") == "there"
        await scene.page.run("link.ping()")
        await scene.away()
        scene.wire.revive()
        await scene.connected()
