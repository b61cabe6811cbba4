"""The demo as a newcomer runs it, shortened: three processes, real gRPC, the real broker, and a log that replays to the same hash."""

import importlib.util
import os
import re
import signal
import subprocess
import sys

import pytest

from v2x.demo.parts import sole_use

MISSING = importlib.util.find_spec("libsumo") is None
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="SUMO is not installed (extra 'sim')")


def v2x(*words):
    return [sys.executable, "-m", "v2x", *map(str, words)]


def figure(text, name):
    return re.search(rf"^ *{re.escape(name)} +(.*)$", text, re.MULTILINE).group(1)


def test_ten_seconds_from_frames_to_mqtt_and_the_log_replays_alike(tmp_path):
    state = tmp_path / "state"
    demo = subprocess.run(v2x("demo", "--seconds", 10, "--state", state), capture_output=True, text=True, timeout=110, check=False)
    assert demo.returncode == 0, demo.stderr
    assert re.match(r"\d+ frames with [\d,]+ objects", figure(demo.stdout, "sent"))
    assert int(figure(demo.stdout, "tracks").split()[0]) > 10
    assert "ICW" in figure(demo.stdout, "warnings raised")
    assert "messages" in figure(demo.stdout, "lamps -> signal")
    assert "2,325 motor trips" in figure(demo.stdout, "recorded")
    assert "CLOCK_JUMP" not in demo.stdout
    assert re.match(r"[\d,]+ s of corridor at \d+ x", figure(demo.stdout, "buses"))
    assert "proposed" in figure(demo.stdout, "orders")
    replayed = subprocess.run(v2x("replay", state / "log"), capture_output=True, text=True, timeout=110, check=False)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert figure(demo.stdout, "decision hash") in figure(replayed.stdout, "decision hash")
    assert figure(replayed.stdout, "gaps").startswith("0,")


def test_ctrl_c_ends_early_with_the_summary_and_no_child_left(tmp_path):
    demo = subprocess.Popen(
        v2x("demo", "--seconds", 600, "--state", tmp_path / "state"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in demo.stdout:
            if "grpc 127.0.0.1:" in line:
                break
        demo.send_signal(signal.SIGINT)
        out, errors = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 0, errors
    assert "decision hash" in out
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


def test_a_scenario_that_is_none_is_one_sentence(tmp_path):
    demo = subprocess.run(
        v2x("demo", "--scenario", tmp_path / "no.sumocfg", "--state", tmp_path), capture_output=True, text=True, check=False
    )
    assert demo.returncode == 2
    assert "no.sumocfg" in demo.stderr
    assert "Traceback" not in demo.stderr


def test_ten_times_as_fast_nothing_comes_too_late(tmp_path):
    """However busy the machine: simulated time waits rather than frames come late."""
    demo = subprocess.run(
        v2x("demo", "--speed", 10, "--seconds", 20, "--state", tmp_path), capture_output=True, text=True, timeout=110, check=False
    )
    assert demo.returncode == 0, demo.stderr
    assert int(figure(demo.stdout, "sent").split()[0]) in range(390, 402)
    assert figure(demo.stdout, "rejected") == "none"
    assert re.search(r"at (10 x|\d+\.\d x real time: this machine does not keep up with 10 x)$", figure(demo.stdout, "played"))


def test_two_demos_do_not_share_a_folder(tmp_path):
    with sole_use(tmp_path):
        demo = subprocess.run(v2x("demo", "--state", tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert demo.returncode == 2
    assert "another demo is playing" in demo.stderr
