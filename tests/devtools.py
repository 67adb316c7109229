"""A headless Chromium driven over its DevTools pipe: what a browser really shows, focuses and asks the network for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_KEYS = {
    "Tab": (9, "\t"), "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "), "End": (35, ""), "Home": (36, ""),
    "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}  # fmt: skip


class Tab:
    """One tab.

    Attributes:
        requests: addresses the tab asked for, pictures inside the page included.
        console: errors and warnings the page and the browser had to say.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._in, self._out = os.fdopen(read_fd, "rb", 0), os.fdopen(write_fd, "wb", 0)
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._events: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.console: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer of one DevTools command."""
        self._number += 1
        sent = {"id": self._number, "method": method, "params": parameters}
        sent |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(sent).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return dict(message["result"])
            self._note(message)

    def close(self) -> None:
        """Give the pipe back."""
        self._in.close()
        self._out.close()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = self._in.read(1 << 16)
            if not more:
                raise RuntimeError("the browser is gone")
            self._buffer += more
        first, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(first))

    def _note(self, message: dict[str, Any]) -> None:
        method, given = message.get("method"), message.get("params", {})
        self._events.append(message)
        if method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif method == "Log.entryAdded" and given["entry"]["level"] in {"error", "warning"}:
            self.console.append(given["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(str(given["exceptionDetails"]))

    def open(self, url: str) -> None:
        """Load a page to its end."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self.until(lambda: any(e.get("method") == "Page.loadEventFired" for e in self._events))

    def until(self, true: Callable[[], Any], seconds: float = 60) -> Any:
        """The first true answer of `true`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = true()
            if found:
                return found
            self.call("Browser.getVersion")  # reads what has come meanwhile
            time.sleep(0.05)
        raise TimeoutError(f"not true after {seconds:g} s; console: {self.console[-3:]}")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key; modifiers: 1 alt, 2 control, 8 shift."""
        code, text = _KEYS.get(key) or (ord(key.upper()), key)
        given: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        given["code"] = f"Key{key.upper()}" if len(key) == 1 and key.isalpha() else key
        typed = {"text": text} if text and not modifiers & 3 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **given, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the window, px."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def show(self, width: int, height: int, dark: bool = False, *, media: str = "") -> None:
        """Size of the window in px, light or dark, screen or print."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def shoot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of the window, or of the whole page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A tab of a browser that starts with an empty profile and ends with the context."""
    if CHROMIUM is None:
        raise RuntimeError("no chromium")
    to_browser, from_browser = os.pipe(), os.pipe()
    options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ]  # fmt: skip

    ends = (to_browser[0], from_browser[1])  # the browser reads from 3 and writes to 4
    script = f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", CHROMIUM, *options],
        pass_fds=ends, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser[0])
    os.close(from_browser[1])
    tab = None
    try:
        tab = Tab(from_browser[0], to_browser[1])
        yield tab
    finally:
        process.terminate()
        process.wait(20)
        if tab is not None:
            tab.close()
