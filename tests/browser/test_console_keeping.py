"""Holds placed and lifted, retention tried dry and run, in a real browser."""

from __future__ import annotations

import psycopg
from playwright.sync_api import Browser, expect

from tests.support.console import World, person_at


def test_a_recording_is_held_and_let_go(browser: Browser, world: World) -> None:
    with psycopg.connect(world.dsn("shop", "ann"), autocommit=True) as connection:
        connection.execute("select 'to be held'")
    with person_at(browser, world, "olga") as olga:
        page = olga.page
        page.goto("/sessions?who=ann&target=shop")
        page.locator("tbody a").first.click()
        page.get_by_role("link", name="About").click()
        page.get_by_role("link", name="Hold its recording").click()
        expect(page.get_by_label("Kind")).to_have_value("session")
        page.get_by_label("Why", exact=True).fill("case 4711")
        page.get_by_role("button", name="Hold").click()
        card = page.locator("article", has_text="case 4711")
        expect(card).to_contain_text("holds")
        card.get_by_label("Why no longer").fill("case 4711 is closed")
        card.get_by_role("button", name="Lift").click()
        expect(page.locator("article", has_text="case 4711 is closed")).to_contain_text("lifted")
    with person_at(browser, world, "carol") as carol:
        carol.page.goto("/holds?lifted=yes")
        expect(carol.page.locator("article", has_text="case 4711")).to_be_visible()
        expect(carol.page.get_by_role("button", name="Hold")).to_have_count(0)


def test_a_run_is_begun_and_its_report_comes_by_itself(browser: Browser, world: World) -> None:
    with person_at(browser, world, "olga") as olga:
        page = olga.page
        page.goto("/retention")
        page.get_by_role("button", name="Dry run").click()
        report = page.locator("#report")
        expect(report).to_contain_text("A dry run of retention")
        expect(report.locator(".badge").first).to_have_text("done")
        page.get_by_role("link", name="Retention").first.click()
        page.get_by_role("button", name="Delete what is over").click()
        expect(page.get_by_role("alert")).to_contain_text("write the word delete")
        olga.troubles.clear()  # Chromium's own line about the 422
        page.get_by_label("write “delete”").fill("delete")
        page.get_by_role("button", name="Delete what is over").click()
        expect(report.locator(".badge").first).to_have_text("done")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
