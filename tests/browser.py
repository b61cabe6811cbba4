"""A real Chromium without a window, spoken to by the DevTools protocol over its two pipes: no driver, no client library."""

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MESSAGE_MOST = 2**24  # bytes of one answer
PATIENCE_S = 60.0
# It finds the pipes at 3 and 4; the shell puts them there. Root has no sandbox, and containers little shared memory.
COMMAND = 'exec "$0" --headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu --no-first-run --disable-background-networking'
COMMAND += ' --remote-debugging-pipe --user-data-dir="$1" about:blank 3<&"$2" 4>&"$3"'


def browser_program() -> str:
    """Skips where no browser is installed, except in CI, which has to have one."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("no Chromium is installed (apt-get install chromium): the page is not shown")
    assert found is not None, "CI needs a Chromium"
    return found


class Page:
    """One tab, of a phone's size."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._session = ""
        self._number = 0
        self._answers: dict[int, asyncio.Future] = {}
        self._loaded = asyncio.Event()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while message := (await reader.readuntil(b"\0"))[:-1]:
            told = json.loads(message)
            if told.get("method") == "Page.loadEventFired":
                self._loaded.set()
            if waiting := self._answers.pop(told.get("id", 0), None):
                waiting.set_result(told)

    async def ask(self, method: str, **parameters):
        self._number += 1
        body = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            body["sessionId"] = self._session
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps(body).encode() + b"\0")
        told = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in told, told
        return told["result"]

    async def open(self, width: int, height: int) -> None:
        target = await self.ask("Target.createTarget", url="about:blank")
        self._session = (await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True))["sessionId"]
        await self.ask("Page.enable")
        await self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        await self.ask("Emulation.setTouchEmulationEnabled", enabled=True)

    async def go(self, url: str, before: str) -> None:
        """`before`: JavaScript that runs ahead of the page's own, now and when it is loaded again."""
        await self.ask("Page.addScriptToEvaluateOnNewDocument", source=before)
        await self._load("Page.navigate", url=url)

    async def again(self) -> None:
        """As by a driver who pulls the page down, or a phone that had put it away."""
        await self._load("Page.reload")

    async def _load(self, method: str, **parameters) -> None:
        self._loaded.clear()
        await self.ask(method, **parameters)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE_S)

    async def run(self, script: str):
        """The value of an expression; promises are awaited."""
        ended = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in ended, ended["exceptionDetails"]
        return ended["result"].get("value")

    async def until(self, condition: str) -> None:
        """Waits for it, frame by frame."""
        await self.run(f"new Promise(told => {{ const look = () => ({condition}) ? told() : setTimeout(look, 10); look() }})")

    async def tap(self, selector: str) -> None:
        """A finger on the middle of it, as far as it is to be seen."""
        await self.until(f"document.querySelector({selector!r})")
        box = f"(() => {{ const at = document.querySelector({selector!r}).getBoundingClientRect();"
        box += " return [at.x + at.width / 2, at.y + at.height / 2] })()"
        x, y = await self.run(box)
        # Both at once: on a busy machine a tap were a long press.
        down = self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        await asyncio.gather(down, self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[]))


@asynccontextmanager
async def phone(state: Path, width: int = 390, height: int = 844):
    """A page of a browser of its own."""
    asked, heard = os.pipe(), os.pipe()
    program = await asyncio.create_subprocess_exec(
        *("bash", "-c", COMMAND, browser_program(), state, str(asked[0]), str(heard[1])),
        pass_fds=(asked[0], heard[1]),
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(asked[0])
    os.close(heard[1])
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(MESSAGE_MOST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(heard[0], "rb"))
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(asked[1], "wb"))
    page = Page(asyncio.StreamWriter(transport, protocol, None, loop))
    listening = asyncio.create_task(page.listen(reader))
    try:
        await page.open(width, height)
        yield page
    finally:
        listening.cancel()
        program.terminate()
        await program.wait()
        transport.close()
