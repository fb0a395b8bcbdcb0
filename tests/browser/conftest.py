"""A real Chromium, and pages at a wall's and a hand's size."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.parts.postgres import PostgresServer
from tests.parts.system import System, running_system
from tests.parts.waiting import PATIENCE

WALL = {"width": 1920, "height": 1080}
HAND = {"width": 390, "height": 844}
WEB = Path(__file__).parents[2] / "services" / "web" / "dist" / "index.html"

expect.set_options(timeout=15_000 * PATIENCE)


# For one file, not for the session: while it is open, Playwright's event loop runs in this thread, and a worker that
# goes on to asynchronous tests could start no loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert WEB.is_file(), "the station screen is not built: run `make web`"
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program is not None, "install Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def system(postgres: PostgresServer, module_folder: Path) -> Iterator[System]:
    """For these tests alone: a station where nothing happens but what they do, and processes that they may kill."""
    with running_system(module_folder / "behind-the-screen", postgres, elders=60) as system:
        yield system


@pytest.fixture(scope="module")
def _wristbands(system: System) -> Iterator[str]:
    return iter(system.station_devices("wristband"))


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page of a system in a context of its own; errors in the page fail the test."""
    contexts = []
    faults: list[str] = []

    def open_page(system: System, path: str = "/", **options: object) -> Page:
        context = browser.new_context(**{"viewport": WALL, "locale": "zh-CN"} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{system.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults


def sign_in(page: Page, system: System, username: str = "") -> None:
    """By keyboard alone."""
    account = system.account(username) if username else system.seeded.operator
    expect(page.get_by_test_id("sign-in-username")).to_be_focused()
    page.keyboard.type(account["username"])
    page.keyboard.press("Tab")
    page.keyboard.type(account["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("station-screen")).to_be_visible()
