"""A bus driver's client: shows orders, answers them, and refuses what is late or superseded. Needs `v2x serve --gtfs` and paho-mqtt.

python examples/driver.py VEHICLE [--broker HOST:PORT] [--region district] [--network buses] [--auto]

Rules (docs/buses.md):
* Nobody acts on an order after its `valid_until`. MQTT 3.1.1 knows no expiry and the broker keeps messages while we are away: so we look.
* Of one id the highest version counts; of two orders the one issued later replaces the other. Texts and priority requests replace nothing.
* Everything that is heard is answered: RECEIVED when it is shown, then ACCEPTED or REJECTED with the reason; again if it comes again.
* Our clock has to be right (GNSS or NTP). An order from our future shows that it is not: it is refused.
"""

import argparse
import json
import sys
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

BESIDE = {"TEXT"}
KINDS = BESIDE | {"DEPART_AT", "HOLD", "DEPART_NOT_BEFORE", "SPEED", "INSERT", "CANCEL"}
AHEAD_S = 5.0  # our clock may be this much behind the dispatcher's
REMEMBERED = 256  # orders; the oldest goes
GIVE_UP_S = 5.0
ANSWER_VALID_S = 600
WORDS = {"y": "ACCEPTED", "n": "REJECTED"}


class DriverOrders:
    """What one driver has to do. No I/O and no clock: messages and the time are arguments, answers are returned."""

    def __init__(self, vehicle: str, network: str) -> None:
        self.vehicle = vehicle
        self.network = network
        self._heard: OrderedDict[str, tuple[dict, str, str]] = OrderedDict()  # by id: its latest version, our answer to it, the reason
        self._open: dict[str, dict] = {}  # what is shown
        self._newest = datetime.min.replace(tzinfo=UTC)  # when the latest order that replaces others was issued
        self._answers = 0

    def hear(self, payload: bytes, now: datetime) -> list[dict]:
        """A message of our topic; -> the answers to send."""
        try:
            order = json.loads(payload)
            id, version, valid_until = order["id"], int(order["version"]), _time(order["valid_until"])
            issued, kind, state, vehicle = _time(order["created"]), order["kind"], order["state"], order["vehicle"]
        except (ValueError, KeyError, TypeError):
            return []  # nobody to answer to
        if vehicle != self.vehicle:
            return []
        known, answer, reason = self._heard.get(id, ({"version": 0}, "", ""))
        if version == known["version"] and (now < valid_until or answer != "RECEIVED"):
            return [self._answer(known, answer, reason, now)]
        for refused, why in (
            (version < known["version"], f"superseded by version {known['version']}"),
            (now >= valid_until, f"came {(now - valid_until).total_seconds():.0f} s after its end"),
            ((issued - now).total_seconds() > AHEAD_S, "issued in our future: our clock is wrong"),
            (kind not in KINDS, "this client does not know the kind"),
            (kind not in BESIDE and issued < self._newest, "superseded by an order issued later"),
        ):
            if refused and state != "WITHDRAWN":
                return [self._refuse(order, why, now)]
        if version < known["version"]:
            return [self._answer(order, "RECEIVED", "", now)]
        return [self._take(order, now)]

    def decide(self, id: str, answer: str, reason: str, now: datetime) -> list[dict]:
        """The driver's ACCEPTED or REJECTED; an order that has ended meanwhile is refused, whatever the driver says."""
        order = self._open.get(id)
        if order is None:
            return []
        if now >= _time(order["valid_until"]):
            del self._open[id]
            return [self._refuse(order, "ended before the driver decided", now)]
        if answer == "REJECTED":
            del self._open[id]
        self._heard[id] = (order, answer, reason)
        return [self._answer(order, answer, reason, now)]

    def shown(self, now: datetime) -> list[dict]:
        """What is to be shown now."""
        self._open = {id: order for id, order in self._open.items() if now < _time(order["valid_until"])}
        return list(self._open.values())

    def to_do(self, now: datetime) -> dict | None:
        """The one accepted order that is to be carried out now."""
        accepted = (one for one in self.shown(now) if one["kind"] not in BESIDE and self._heard[one["id"]][1] == "ACCEPTED")
        return next(accepted, None)

    def _take(self, order: dict, now: datetime) -> dict:
        id = order["id"]
        self._open.pop(id, None)
        if order["state"] == "ACTIVE":
            if order["kind"] not in BESIDE:
                self._open = {other: held for other, held in self._open.items() if held["kind"] in BESIDE}
                self._newest = max(self._newest, _time(order["created"]))
            self._open[id] = order
        self._remember(order, "RECEIVED", "")
        return self._answer(order, "RECEIVED", "", now)

    def _refuse(self, order: dict, why: str, now: datetime) -> dict:
        known = self._heard.get(order["id"])
        if known is None or known[0]["version"] <= order["version"]:
            self._open.pop(order["id"], None)
            self._remember(order, "REJECTED", why)
        return self._answer(order, "REJECTED", why, now)

    def _remember(self, order: dict, answer: str, reason: str) -> None:
        self._heard[order["id"]] = (order, answer, reason)
        self._heard.move_to_end(order["id"])
        if len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)

    def _answer(self, order: dict, answer: str, reason: str, now: datetime) -> dict:
        self._answers += 1
        return {
            "id": f"{self.vehicle}-{int(now.timestamp() * 1000)}-{self._answers}",
            "kind": "acknowledgement",
            "intersection": self.network,
            "author": self.vehicle,
            "about": order["id"],
            "version": order["version"],
            "answer": answer,
            "reason": reason,
            "valid_until": (now + timedelta(seconds=ANSWER_VALID_S)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


class Driver:
    """The orders of one vehicle over MQTT. The session is kept by the broker: what came while we were away comes, and is refused."""

    def __init__(
        self, vehicle: str, region: str = "district", network: str = "buses", now=lambda: datetime.now(UTC), *, auto: bool = False
    ) -> None:
        self.orders = DriverOrders(vehicle, network)
        self._now = now
        self._auto = auto
        self._last: paho.MQTTMessageInfo | None = None
        self._lock = threading.Lock()  # messages come in paho's thread, words in ours
        self._topic = f"v2x/v1/{region}/{network}/order/{vehicle}"
        self._answer_topic = f"v2x/v1/{region}/{network}/order-ack/{vehicle}"
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"driver-{vehicle}", clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe(self._topic, qos=1)
        self.client.on_message = lambda _client, _userdata, message: self.hear(message.payload)

    def hear(self, payload: bytes) -> None:
        with self._lock:
            answers = self.orders.hear(payload, self._now())
            if self._auto:
                answers += [
                    more
                    for one in answers
                    if one["answer"] == "RECEIVED"
                    for more in self.orders.decide(one["about"], "ACCEPTED", "", self._now())
                ]
            self._send(answers)
        for answer in answers:
            print(f"{answer['about']} version {answer['version']}: {answer['answer']} {answer['reason']}".strip(), flush=True)
        self.show()

    def say(self, words: str) -> None:
        """`y` accepts what is shown, `n REASON` rejects it."""
        word, _, reason = words.strip().partition(" ")
        with self._lock:
            for order in self.orders.shown(self._now()):
                if word in WORDS:
                    self._send(self.orders.decide(order["id"], WORDS[word], reason, self._now()))
        self.show()

    def show(self) -> None:
        with self._lock:
            for order in self.orders.shown(self._now()):
                print(f"  {order['text']} {order.get('at', '')} (until {order['valid_until']})  y, or n REASON", flush=True)

    def _send(self, answers: list[dict]) -> None:
        for answer in answers:
            self._last = self.client.publish(self._answer_topic, json.dumps(answer), qos=1)

    def close(self) -> None:
        """What was answered last is given a while to reach the broker."""
        if self._last is not None:
            self._last.wait_for_publish(GIVE_UP_S)
        self.client.disconnect()


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} names no zone")
    return moment


def main() -> None:
    arguments = argparse.ArgumentParser(description="A bus driver's client.")
    arguments.add_argument("vehicle")
    arguments.add_argument("--broker", default="127.0.0.1:1883")
    arguments.add_argument("--region", default="district")
    arguments.add_argument("--network", default="buses")
    arguments.add_argument("--auto", action="store_true", help="accept whatever is valid")
    given = arguments.parse_args()
    driver = Driver(given.vehicle, given.region, given.network, auto=given.auto)
    host, _, port = given.broker.rpartition(":")
    driver.client.connect(host, int(port))
    driver.client.loop_start()
    if given.auto:
        threading.Event().wait()
    for words in sys.stdin:
        driver.say(words)
    driver.close()


if __name__ == "__main__":
    main()
