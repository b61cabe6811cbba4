"""What an operator is told when serving fails: one sentence about his settings, whatever that brought down."""

from v2x.cli.serve import _told
from v2x.errors import ConfigError

PORT = ConfigError("--grpc", "cannot listen on 127.0.0.1:1, probably another program does; choose another port")


def test_the_operators_own_mistake_is_told_before_what_it_brought_down():
    assert _told(ExceptionGroup("tasks", [PORT])) is PORT
    assert _told(BaseExceptionGroup("tasks", [OSError("gone"), ExceptionGroup("deeper", [ValueError(), PORT])])) is PORT


def test_a_fault_of_ours_is_no_mistake_of_his():
    assert _told(ExceptionGroup("tasks", [OSError("gone")])) is None
