"""A real Chromium before a live server. Without one these tests are skipped, unless REQUIRE_BROWSER is set."""

import os
import shutil

import pytest

from tests.admin.conftest import city, full_city, march, staff  # noqa: F401  the same small Heyuan

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("no Chromium on this machine")
    if program is None:
        pytest.fail("REQUIRE_BROWSER is set and there is no Chromium")
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread; Django would refuse to ask the database beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def office(chromium, live_server, full_city, staff):  # noqa: F811
    """`office(role)` is a page on which one with this role has logged in. An error in the console fails the test."""
    complaints: list[str] = []
    contexts = []

    def enter(role: str):
        context = chromium.new_context(base_url=live_server.url, locale="zh-CN", accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/admin/")
        page.fill("#id_username", f"role_{role}")
        page.fill("#id_password", "lan-xue-2026")
        page.click("input[type=submit]")
        page.wait_for_selector("text=今日工作")
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []
