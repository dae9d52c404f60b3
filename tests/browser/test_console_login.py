"""Logging in to the console at a real OpenID provider, with a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.console import World, console_world, log_in, person_at
from tests.support.gateway import Plan


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


def test_a_link_leads_through_the_log_in_to_its_page(browser: Browser, world: World) -> None:
    """I7: as from a message: the log-in in between, then the page that was wanted."""
    with person_at(browser, world) as olga:
        log_in(olga.page, "olga", "/sessions?state=live&who=ann")
        expect(olga.page).to_have_url(f"{world.url}/sessions?state=live&who=ann")
        olga.troubles.clear()  # the provider's own pages are not ours


def test_over_tls_the_cookie_is_bound_to_the_host(browser: Browser, tmp_path: Path) -> None:
    """I7: no script reads it, other sites' forms go without it, no other host and no page in the clear plants it."""
    with (
        console_world(tmp_path, Plan(""), tls=True) as world,
        person_at(browser, world, "bob", ignore_https_errors=True) as bob,
    ):
        assert bob.page.url == f"{world.url}/approvals"
        (cookie,) = [each for each in bob.context.cookies() if "hoop" in each["name"]]
        assert cookie["name"] == "__Host-hoop" and cookie["secure"] and cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax" and cookie["path"] == "/" and cookie["expires"] == -1
        assert bob.page.evaluate("document.cookie") == ""
        bob.page.locator(".person summary").click()
        bob.page.get_by_role("button", name="Log out").click()
        expect(bob.page.get_by_role("heading", name="Logged out")).to_be_visible()
