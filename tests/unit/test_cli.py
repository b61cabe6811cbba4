"""The command line: quick help, clear sentences, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from v2x import __main__ as cli
from v2x.cli.replay import report
from v2x.errors import ConfigError
from v2x.replay import ReplayResult


def run(*words, cwd=None):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "v2x", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd or root, timeout=60, check=False, env={"PYTHONPATH": str(root)})


def test_help_lists_every_command():
    ended = run("--help")
    assert ended.returncode == 0
    assert all(name in ended.stdout for name in cli.ROOMS)
    assert "Examples:" in ended.stdout


def test_version_names_the_build():
    ended = run("--version")
    assert ended.returncode == 0
    assert ended.stdout.startswith("v2x ")


@pytest.mark.parametrize("name", cli.ROOMS)
def test_every_command_opens_and_explains_itself(name):
    ended = run(name, "--help")
    assert ended.returncode == 0, ended.stderr
    assert f"v2x {name}" in ended.stdout
    assert "Example" in ended.stdout


def test_a_missing_extra_is_told_in_a_sentence(monkeypatch):
    def absent(module):
        raise ModuleNotFoundError("No module named 'libsumo'", name="libsumo")

    monkeypatch.setattr(cli.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"needs libsumo; install the extra: pip install 'v2x-road\[sim\]'"):
        cli.open_room("demo")
    with pytest.raises(ModuleNotFoundError):
        cli.open_room("serve")


def test_an_operators_mistake_is_one_sentence_and_code_2(tmp_path):
    ended = run("replay", str(tmp_path / "absent.v2xlog"))
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "absent.v2xlog" in ended.stderr


@pytest.mark.parametrize(("words", "flag"), [(("--speed", "fast"), "--speed"), (("--from", "yesterday"), "--from")])
def test_a_replay_refuses_what_it_does_not_understand(tmp_path, words, flag):
    ended = run("replay", str(tmp_path), *words)
    assert ended.returncode == 2


def test_a_report_says_whether_the_hash_is_the_recorded_one():
    assert "equal to the recorded one" in report(ReplayResult(digest="ab", recorded_digest="ab"))
    assert "NOT the recorded one" in report(ReplayResult(digest="ab", recorded_digest="cd"))
    assert "no END" in report(ReplayResult(digest="ab"))
