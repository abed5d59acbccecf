"""A headless Chromium driven through chromedriver's own protocol (W3C WebDriver) and urllib."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"ArrowRight": "\ue014", "ArrowLeft": "\ue012", "Enter": "\ue007", "Escape": "\ue00c"}
PATIENCE_S = 60


class Browser:
    """One window."""

    def __init__(self, address: str) -> None:
        self._address = address
        options = {
            "binary": CHROMIUM,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def open(self, page: Path, *, width: int = 1280, height: int = 900) -> None:
        """Load a file and wait until it says that it is drawn."""
        self.resize(width, height)
        self._send("POST", f"{self._session}/url", {"url": page.resolve().as_uri()})
        self.wait("return document.body.dataset.ready === 'yes'")

    def resize(self, width: int, height: int) -> None:
        """The page's size in pixels, also below the least width of a window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", metrics)

    def command(self, name: str, parameters: dict[str, Any]) -> Any:
        """A command of the DevTools protocol."""
        body = {"cmd": name, "params": parameters}
        return self._send("POST", f"{self._session}/goog/cdp/execute", body)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        body = {"script": script, "args": list(arguments)}
        return self._send("POST", f"{self._session}/execute/sync", body)

    def wait(self, script: str) -> None:
        """Until a script returns true."""
        ends = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < ends, f"never true: {script}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """Visible text of the first element."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        """A real click in the middle of an element."""
        found = self._send(
            "POST", f"{self._session}/element", {"using": "css selector", "value": selector}
        )
        self._send("POST", f"{self._session}/element/{found[ELEMENT]}/click", {})

    def point_at(self, x: float, y: float, *, press: bool = False) -> None:
        """Move the pointer over a place of the window, and press it there if asked."""
        moves: list[dict[str, Any]] = [
            {"type": "pointerMove", "duration": 0, "x": round(x) + shift, "y": round(y)}
            for shift in (3, 0)
        ]
        if press:
            moves += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        actions = [{"type": "pointer", "id": "mouse", "actions": moves}]
        self._send("POST", f"{self._session}/actions", {"actions": actions})

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        moves = [
            {"type": kind, "value": KEYS[key]} for key in keys for kind in ("keyDown", "keyUp")
        ]
        actions = [{"type": "key", "id": "keyboard", "actions": moves}]
        self._send("POST", f"{self._session}/actions", {"actions": actions})

    def console(self) -> list[str]:
        """What the page logged or was refused since the last call, and every exception."""
        log = self._send("POST", f"{self._session}/se/log", {"type": "browser"})
        return [str(entry["message"]) for entry in log]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A screenshot of the window, or of the page from top to bottom."""
        if whole:
            height = self.run("return document.documentElement.scrollHeight")
            width = self.run("return innerWidth")
            self.resize(width, height)
        shot = self.command("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._send("DELETE", self._session)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:500]) from error


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium for as long as the block lasts."""
    assert CHROMEDRIVER is not None
    command = [CHROMEDRIVER, "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        line = next(line for line in driver.stdout if "successfully on port" in line)
        port = line.rstrip(".\n").rpartition(" ")[2]
        window = None
        try:
            window = Browser(f"http://127.0.0.1:{port}")
            yield window
        finally:
            if window is not None:
                window.close()
            driver.terminate()
