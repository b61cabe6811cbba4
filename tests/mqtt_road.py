"""A link to a real broker, with a clock that only the test moves."""

import asyncio

from tests.brokers import TIMEOUT_S
from tests.decided import BRAUNSCHWEIG, NOW_NS, SECOND_NS, warning
from v2x.commands import CommandGate
from v2x.messages import MessageEncoder
from v2x.mqtt import MqttLink


class Road:
    """A link with a clock that only the test moves."""

    def __init__(self, address, **options):
        self.now_ns = NOW_NS
        self.arrivals = asyncio.Queue()
        self.gate = CommandGate({"ix7"})
        encoder = MessageEncoder("district", {"ix7": BRAUNSCHWEIG})
        self.link = MqttLink(address, encoder, self.gate, lambda: self.now_ns, self.arrivals.put_nowait, **options)

    async def __aenter__(self):
        self.running = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(self, *error):
        self.link.close()
        await asyncio.wait_for(self.running, TIMEOUT_S)

    async def connected(self):
        """Connected, and all that waited has been sent."""
        await asyncio.wait_for(self.link.connected.wait(), TIMEOUT_S)
        await asyncio.wait_for(self.link._settled.wait(), TIMEOUT_S)

    async def lost(self):
        await asyncio.wait_for(self.link.lost.wait(), TIMEOUT_S)

    def warn(self, number, valid_ns=SECOND_NS, **changed):
        self.link.publish([warning(number, self.now_ns, valid_until_ns=self.now_ns + valid_ns, **changed)], self.now_ns)
