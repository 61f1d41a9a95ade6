"""Debian's Chromium without a window, spoken to over two pipes (--remote-debugging-pipe: JSON, each message ended by a
zero byte), so that tests of pages need no package of their own.

    with Chromium() as browser:
        page = browser.open(path, width=1440)
        assert page.evaluate("document.title") == "…"
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

DEADLINE_S = 120
DRAWN = "document.documentElement.dataset.ready === 'true'"
# Software rendering, so that WebGL is there on machines without a GPU; root may not use the sandbox.
FLAGS = [
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-default-browser-check", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--hide-scrollbars", "--mute-audio", "--disable-dev-shm-usage",
]


def program():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "the tests of the report's page need a browser: apt-get install chromium (scripts/setup.sh --test does)"
    return found


class Page:
    """One tab. `errors` and `requests` grow while it lives: what its console said was wrong, what it asked the network for."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.errors, self.requests = [], []

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression):
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression):
        end = time.monotonic() + DEADLINE_S
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"after {DEADLINE_S} s still not: {expression}; {self.errors}"
            time.sleep(0.05)

    def resize(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def media(self, name):
        self.call("Emulation.setEmulatedMedia", media=name)

    def press(self, key, code=None, text=None):
        """A key as the keyboard gives it: "Tab", "Enter", " "."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        parameters = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes.get(key, 0)}
        if key in ("Enter", " "):
            parameters["text"] = "\r" if key == "Enter" else " "
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def screenshot(self, path, whole=False, clip=None):
        parameters = {"format": "png", "captureBeyondViewport": whole}
        if whole and clip is None:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = (0, 0, size["width"], size["height"])
        if clip:
            parameters["clip"] = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"]))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        del self.browser.pages[self.session]


class Chromium:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="consort-chromium-")
        to_read, self.to = os.pipe()
        self.source, from_write = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec \"$@\" 3<&{to_read} 4>&{from_write}", "bash", program(), *FLAGS,
             *(["--no-sandbox"] if os.geteuid() == 0 else []), f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.last, self.answers, self.pages = b"", 0, {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        try:
            self.call("Browser.close")
            self.process.wait(20)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.source)
        self.profile.cleanup()

    def call(self, method, session=None, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE_S
        while self.last not in self.answers:
            self.read(end, method)
        answer = self.answers.pop(self.last)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def read(self, end, what):
        ready, _, _ = select.select([self.source], [], [], max(0, end - time.monotonic()))
        assert ready, f"Chromium did not answer {what} within {DEADLINE_S} s"
        part = os.read(self.source, 1 << 20)
        assert part, f"Chromium ended during {what} (exit code {self.process.poll()})"
        *messages, self.buffer = (self.buffer + part).split(b"\0")
        for message in map(json.loads, messages):
            self.take(message)

    def take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
            return
        page = self.pages.get(message.get("sessionId"))
        if page is None:
            return
        method, data = message["method"], message["params"]
        if method == "Runtime.exceptionThrown":
            page.errors.append(data["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and data["type"] in ("error", "warning", "assert"):
            page.errors.append([argument.get("value", argument.get("description")) for argument in data["args"]])
        elif method == "Log.entryAdded" and data["entry"]["level"] == "error":
            page.errors.append(data["entry"])
        elif method == "Network.requestWillBeSent":
            page.requests.append(data["request"]["url"])

    def open(self, path, width=1440, height=900, scheme="light", ready=DRAWN):
        """A page of a file, loaded until the expression `ready` holds: drawn whole."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        page.target = target
        for domain in ("Runtime", "Log", "Network", "Page"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.prefer(scheme)
        page.call("Page.navigate", url=Path(path).resolve().as_uri())
        page.wait_for(f"document.body !== null && ({ready})")
        return page
