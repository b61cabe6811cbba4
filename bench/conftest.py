"""Every benchmark session ends by writing what it measured."""

import pytest

from bench import figures


def pytest_sessionfinish(session: pytest.Session) -> None:
    figures.write()
