"""`v2x serve` as its users run it: a process, its ports, its files, and the README's example against it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.controlled_scenes import map_text, signal_text

ROOT = Path(__file__).resolve().parents[2]
FREE = {"V2X_GRPC": "127.0.0.1:0", "V2X_MQTT": "127.0.0.1:0", "V2X_WEBSOCKET": "127.0.0.1:0", "V2X_FEEDS": "127.0.0.1:0"}
PATIENCE_S = 60.0


class Serving:
    """One `v2x serve`; its stderr is read line by line, so that waiting is waiting for a line."""

    def __init__(self, folder, *flags, **environment):
        command = [sys.executable, "-m", "v2x", "serve", *flags]
        held = os.environ | {"PYTHONPATH": str(ROOT)} | FREE | environment
        self.folder = folder
        self.said = ""
        self._process = subprocess.Popen(command, cwd=folder, env=held, stderr=subprocess.PIPE, text=True)

    def wait_for(self, text):
        for line in self._process.stderr:
            self.said += line
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}:\n{self.said}")

    def endpoints(self):
        self.wait_for("; Ctrl-C ends")
        return json.loads((self.folder / "state" / "endpoints.json").read_text())

    def end(self, number=signal.SIGINT):
        if self._process.poll() is None:
            self._process.send_signal(number)
        rest = self._process.communicate(timeout=PATIENCE_S)[1]
        self.said += rest
        return self._process.returncode

    def kill(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(*flags, **environment):
        started.append(Serving(tmp_path, *flags, **environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def run(tmp_path, *words):
    command = [sys.executable, "-m", "v2x", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | FREE
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class WarningWanted:
    """An ordinary MQTT client that waits for one warning in a state."""

    def __init__(self, address, state):
        self.found = threading.Event()
        self.payload = {}
        self._state = state
        host, port = address.split(":")
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("v2x/v1/+/+/warning/#", qos=1)
        self._client.on_message = self._look
        self._client.connect(host, int(port))
        self._client.loop_start()

    def _look(self, _client, _userdata, message):
        payload = json.loads(message.payload)
        if payload["state"] == self._state and not self.found.is_set():
            self.payload = payload
            self.found.set()

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


def test_the_readme_example_is_warned_recorded_and_replayed(serve, tmp_path):
    serving = serve()
    endpoints = serving.endpoints()
    wanted = WarningWanted(endpoints["mqtt"], "RAISED")
    client = subprocess.Popen(
        [sys.executable, ROOT / "examples" / "rsu_client.py", endpoints["grpc"]],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wanted.found.wait(PATIENCE_S), "no warning came"
    finally:
        client.kill()
        client.wait()
        wanted.close()
    assert serving.end() == 0, serving.said
    assert wanted.payload["kind"] == "ICW"
    assert wanted.payload["cause"]["station"] == "rsu-example"
    assert "no map is configured" in serving.said
    assert "1 ICW" in serving.said

    replayed = run(tmp_path, "replay", "state/log", "--events", "events.jsonl")
    assert replayed.returncode == 0, replayed.stderr
    assert "equal to the recorded one" in replayed.stdout
    live_hash = next(line.split()[-1] for line in serving.said.splitlines() if "decision hash" in line)
    assert live_hash in replayed.stdout
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert wanted.payload["id"] in {event["id"] for event in events if event["name"] == "WARNING_RAISED"}


def test_the_vehicle_example_is_told_where_it_is(serve, tmp_path):
    (tmp_path / "gnbs.json").write_text('[{"id": "gnb-1", "latitude_deg": 32.03, "longitude_deg": 118.69, "height_m": 10}]')
    serving = serve("--anchors", "gnbs.json")
    endpoints = serving.endpoints()
    client = subprocess.Popen(
        [sys.executable, "-u", ROOT / "examples" / "vehicle_client.py", endpoints["grpc"]],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        told = [next(line for line in client.stdout if "protection_level_cm" in line) for _ in range(3)]
    finally:
        client.kill()
        client.communicate()
    assert all(0 < int(line.split()[-1]) < 2000 for line in told)
    assert serving.end() == 0, serving.said
    assert run(tmp_path, "replay", "state/log").returncode == 0


def test_the_lamp_example_is_commanded_and_the_log_replays(serve, tmp_path):
    (tmp_path / "map.json").write_text(map_text())
    (tmp_path / "signals.json").write_text(signal_text())
    serving = serve("--map", "map.json", "--signals", "signals.json")
    endpoints = serving.endpoints()
    client = subprocess.Popen(
        [sys.executable, ROOT / "examples" / "lamp_adapter.py", "example", "ns,ew,walk", endpoints["grpc"]],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout.readline() == "CONTROL_MODE_FLASHING\n"
    finally:
        client.kill()
        client.communicate()
    assert serving.end() == 0, serving.said
    replayed = run(tmp_path, "replay", "state/log")
    assert "equal to the recorded one" in replayed.stdout, replayed.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "not a file of signals"),
        (signal_text("elsewhere"), "intersection elsewhere has no map here"),
        (signal_text(lamps={"ns": ["ns", "ew"]}), "signal groups that are driven twice: ew"),
    ],
)
def test_signals_that_are_wrong_are_named(tmp_path, text, told):
    (tmp_path / "map.json").write_text(map_text())
    (tmp_path / "signals.json").write_text(text)
    ended = run(tmp_path, "serve", "--map", "map.json", "--signals", "signals.json")
    assert (ended.returncode, told in ended.stderr, "--signals" in ended.stderr) == (2, True, True), ended.stderr


def test_an_anchors_file_that_is_wrong_is_named(tmp_path):
    (tmp_path / "gnbs.json").write_text("{}")
    ended = run(tmp_path, "serve", "--anchors", "gnbs.json")
    assert (ended.returncode, "--anchors" in ended.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_summary(serve, number):
    serving = serve()
    serving.endpoints()
    assert serving.end(number) == 0, serving.said
    assert "arrival to decision" in serving.said
    assert "Traceback" not in serving.said


@pytest.mark.parametrize("flag", ["grpc", "mqtt", "websocket"])
def test_a_taken_port_fails_and_names_the_flag(tmp_path, flag):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run(tmp_path, "serve", f"--{flag}", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.returncode == 2
    assert f"--{flag}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_another_address_needs_tls_and_tokens(tmp_path):
    ended = run(tmp_path, "serve", "--grpc", "0.0.0.0:0")
    assert ended.returncode == 2
    assert "--tls-certificate" in ended.stderr
    assert "--insecure" in ended.stderr


def test_a_wrong_map_fails_and_names_the_file(tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    ended = run(tmp_path, "serve", "--map", "bad.json")
    assert ended.returncode == 2
    assert "bad.json" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_serves_while_its_broker_is_away(serve):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = serve("--mqtt-url", f"mqtt://127.0.0.1:{port}")
    serving.wait_for("serving without it until it does")
    assert serving.endpoints()["mqtt"] == f"mqtt://127.0.0.1:{port}"
    assert serving.end() == 0, serving.said
