"""A real Chromium against a real server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from delivery.inbox import hints
from tests.delivery.inbox.serving import Site, serve

# Bounds for what never comes, not for what is slow; a bell that lost a hint looks after 30 s.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def _binary() -> str | None:
    named = os.environ.get("NOTIFYSITE_TEST_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; they are skipped where there is none."""
    binary = _binary()
    if binary is None:
        if "chromium" in os.environ.get("NOTIFYSITE_REQUIRE", ""):
            pytest.fail("Chromium is required and was not found")
        pytest.skip("no Chromium here; NOTIFYSITE_TEST_CHROMIUM names one")
    # Playwright keeps an event loop in this thread, which Django takes for a mistake of ours.
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(chromium: Browser, transactional_db: None, settings) -> Iterator[Site]:
    """The whole site, sockets and all, on the test database and on Redis."""
    from notifysite.asgi import application

    hosts = [{"address": settings.REDIS_URL, "socket_timeout": None}]
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": hosts, "prefix": f"test-{uuid4().hex}"},
        }
    }
    with serve(application) as running:
        settings.PUBLIC_URL = running.url
        yield running
    # Not in this thread: it ends an event loop, and here one runs already.
    ending = Thread(target=hints.stop)
    ending.start()
    ending.join()


class Watched:
    """A browser window that remembers what must not happen."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.page: Page = context.new_page()
        self.trouble: list[str] = []
        self._site = site
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("console", self._console)
        self.page.on("request", self._request)

    def open(self, path: str) -> Page:
        self.page.goto(self._site.url + path)
        return self.page

    def shoot(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture where NOTIFYSITE_TEST_PICTURES names a folder."""
        folder = os.environ.get("NOTIFYSITE_TEST_PICTURES")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=whole)

    def _dialog(self, dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message) -> None:
        if "Content Security Policy" in message.text:
            self.trouble.append(message.text)

    def _request(self, request) -> None:
        if not request.url.startswith((self._site.url, "data:", "about:")):
            self.trouble.append(f"request: {request.url}")


@pytest.fixture
def window(chromium: Browser, site: Site):
    """Open windows: `window(size, javascript=…, dark=…)`; none may show dialogs, errors in
    scripts, violations of the policy, or ask another host for anything."""
    opened: list[Watched] = []

    def open_window(size=DESK, *, javascript: bool = True, dark: bool = False, **more) -> Watched:
        context = chromium.new_context(
            viewport=size,
            java_script_enabled=javascript,
            color_scheme="dark" if dark else "light",
            **more,
        )
        opened.append(Watched(context, site))
        return opened[-1]

    yield open_window
    trouble = [one for watched in opened for one in watched.trouble]
    for watched in opened:
        watched.page.context.close()
    assert trouble == []
