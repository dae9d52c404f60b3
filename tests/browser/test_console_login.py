"""Logging in to the console at a real OpenID provider, with a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.support.console import World, person_at


def test_log_in_and_out(browser: Browser, world: World) -> None:
    with person_at(browser, world, "bob") as bob:
        expect(bob.page.get_by_role("heading", name="Inbox")).to_be_visible()
        assert bob.page.url == f"{world.url}/approvals"
        bob.page.locator(".person summary").click()
        expect(bob.page.get_by_text("dba")).to_be_visible()
        bob.page.get_by_role("button", name="Log out").click()
        expect(bob.page.get_by_role("heading", name="Logged out")).to_be_visible()
        bob.page.goto("/approvals")
        assert bob.page.url.startswith(f"{world.url}/login")
