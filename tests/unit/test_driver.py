"""The driver's two clients, Python and the page's JavaScript, say the same to the same messages."""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bus_orders import driver_module

PAGE = (Path(__file__).parents[2] / "examples" / "driver.html").read_text()
RULES = re.search(r'<script id="rules">(.*?)</script>', PAGE, re.DOTALL).group(1)
NOW = datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC)
PLAY = """
const orders = new DriverOrders("bus-9", "buses"), told = []
for (const [act, ...words] of JSON.parse(require("fs").readFileSync(0))) told.push(orders[act](...words))
console.log(JSON.stringify(told))
"""


def order(id="o-1", after_s=0, valid_s=120, **changed):
    """Issued `after_s` after NOW, valid for `valid_s` from then on."""
    issued = NOW + timedelta(seconds=after_s)
    body = {
        "id": id,
        "version": 1,
        "created": stamp(issued),
        "valid_until": stamp(issued + timedelta(seconds=valid_s)),
        "kind": "HOLD",
        "state": "ACTIVE",
        "vehicle": "bus-9",
        "text": "Wait.",
    }
    return json.dumps(body | changed)


def stamp(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Each: what happens, (act, words..., seconds after NOW), and what is answered to it: (order, version, answer, reason).
HEAR, DECIDE = "hear", "decide"
SCENES = {
    "a good order": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 5)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", "")],
        "o-1",
    ),
    "heard twice": ([(HEAR, order(), 1), (HEAR, order(), 2)], [("o-1", 1, "RECEIVED", "")] * 2, None),
    "repeated after it was accepted": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 5), (HEAR, order(), 20)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", ""), ("o-1", 1, "ACCEPTED", "")],
        "o-1",
    ),
    "five minutes late": ([(HEAR, order(), 300)], [("o-1", 1, "REJECTED", "came 180 s after its end")], None),
    "at its very end": ([(HEAR, order(), 120)], [("o-1", 1, "REJECTED", "came 0 s after its end")], None),
    "accepted when it had ended": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 121)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "REJECTED", "ended before the driver decided")],
        None,
    ),
    "a newer version": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 2), (HEAR, order(after_s=3, version=2), 4)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", ""), ("o-1", 2, "RECEIVED", "")],
        None,
    ),
    "an older version": (
        [(HEAR, order(version=2), 1), (HEAR, order(), 2)],
        [("o-1", 2, "RECEIVED", ""), ("o-1", 1, "REJECTED", "superseded by version 2")],
        None,
    ),
    "another order, issued later": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 2), (HEAR, order("o-2", 3), 4), (DECIDE, "o-2", "ACCEPTED", "", 5)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", ""), ("o-2", 1, "RECEIVED", ""), ("o-2", 1, "ACCEPTED", "")],
        "o-2",
    ),
    "another order, issued before": (
        [(HEAR, order("o-2", 3), 4), (HEAR, order(), 5)],
        [("o-2", 1, "RECEIVED", ""), ("o-1", 1, "REJECTED", "superseded by an order issued later")],
        None,
    ),
    "a text beside an order": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 2), (HEAR, order("o-2", 3, kind="TEXT"), 4)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", ""), ("o-2", 1, "RECEIVED", "")],
        "o-1",
    ),
    "withdrawn": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "ACCEPTED", "", 2), (HEAR, order(after_s=3, version=2, state="WITHDRAWN"), 4)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "ACCEPTED", ""), ("o-1", 2, "RECEIVED", "")],
        None,
    ),
    "withdrawn before it came": (
        [(HEAR, order(version=2, state="WITHDRAWN"), 1), (HEAR, order(), 2)],
        [("o-1", 2, "RECEIVED", ""), ("o-1", 1, "REJECTED", "superseded by version 2")],
        None,
    ),
    "rejected": (
        [(HEAR, order(), 1), (DECIDE, "o-1", "REJECTED", "road closed", 2), (DECIDE, "o-1", "ACCEPTED", "", 3)],
        [("o-1", 1, "RECEIVED", ""), ("o-1", 1, "REJECTED", "road closed")],
        None,
    ),
    "from our future": ([(HEAR, order(after_s=60), 1)], [("o-1", 1, "REJECTED", "issued in our future: our clock is wrong")], None),
    "of a kind of later versions": ([(HEAR, order(kind="FLY"), 1)], [("o-1", 1, "REJECTED", "this client does not know the kind")], None),
    "another bus' order": ([(HEAR, order(vehicle="bus-1"), 1)], [], None),
    "nonsense": ([(HEAR, "{", 1), (HEAR, "[]", 1), (HEAR, "null", 1), (HEAR, order(valid_until="tomorrow"), 1)], [], None),
}


def played_by_python(acts, end_s):
    driver = driver_module().DriverOrders("bus-9", "buses")
    answers = []
    for act, *words, after_s in acts:
        answers += getattr(driver, act)(*words, NOW + timedelta(seconds=after_s))
    return answers, driver.to_do(NOW + timedelta(seconds=end_s))


def played_by_the_page(acts, end_s):
    node = shutil.which("node")
    if node is None and not os.environ.get("CI"):
        pytest.skip("node is not installed (apt-get install nodejs): the page's rules are not played")
    at = [[act, *words, round((NOW.timestamp() + after_s) * 1000)] for act, *words, after_s in acts]
    at.append(["toDo", round((NOW.timestamp() + end_s) * 1000)])
    ended = subprocess.run([node, "-e", RULES + PLAY], input=json.dumps(at), capture_output=True, text=True, timeout=60, check=True)
    *told, to_do = json.loads(ended.stdout)
    return [one for answers in told for one in answers], to_do


@pytest.mark.parametrize("play", [played_by_python, played_by_the_page])
@pytest.mark.parametrize(("acts", "said", "to_do"), SCENES.values(), ids=SCENES)
def test_what_is_answered_and_what_is_to_be_done(acts, said, to_do, play):
    end_s = max(act[-1] for act in acts)
    answers, doing = play(acts, end_s)
    assert [(one["about"], one["version"], one["answer"], one["reason"]) for one in answers] == said
    assert (doing and doing["id"]) == to_do
    assert play(acts, 1000)[1] is None  # at last all has expired


def test_what_is_remembered_is_bounded():
    driver, module = driver_module().DriverOrders("bus-9", "buses"), driver_module()
    for number in range(module.REMEMBERED + 50):
        driver.hear(order(f"o-{number}", number), NOW + timedelta(seconds=number))
    assert len(driver._heard) == module.REMEMBERED
    assert len(driver.shown(NOW + timedelta(seconds=module.REMEMBERED + 50))) == 1
