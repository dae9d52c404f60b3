"""Sessions watched, read, found, replayed, exported and ended, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from tests.support.console import World, person_at
from tests.support.gateway import wait_for


def test_a_live_session_is_watched_and_ended(browser: Browser, world: World) -> None:
    with psycopg.connect(world.dsn("shop", "ann", "application_name=watched"), autocommit=True) as connection:
        connection.execute("select 'before anybody looked'")
        with person_at(browser, world, "olga") as olga:
            olga.page.goto("/sessions?state=live&who=ann&target=shop")
            olga.page.locator("tbody a").first.click()
            timeline = olga.page.locator(".timeline")
            expect(timeline).to_contain_text("before anybody looked")
            connection.execute("select 'while olga looks on'")
            expect(timeline).to_contain_text("while olga looks on")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("truncate orders")
            expect(timeline.locator("li", has_text="truncate orders")).to_contain_text("tables are not emptied here")
            olga.page.get_by_label("Reason").fill("incident 12")
            olga.page.get_by_role("button", name="End this session").click()
            with pytest.raises(psycopg.errors.AdminShutdown, match="incident 12"):
                for _ in range(1000):
                    connection.execute("select pg_sleep(0.01)")
            olga.page.goto(olga.page.url)
            expect(olga.page.get_by_text("Who read the recording")).to_be_visible()
            expect(olga.page.locator("tbody")).to_contain_text("olga")


def test_a_command_is_found_and_its_recording_exported(browser: Browser, world: World, tmp_path: Path) -> None:
    with psycopg.connect(world.dsn("shop", "ann"), autocommit=True) as connection:
        connection.execute("select 'a needle in the hay'")
    with person_at(browser, world, "carol", accept_downloads=True) as carol:
        carol.page.goto("/search")
        row = carol.page.locator("tbody tr", has_text="a needle in the hay")

        def asked() -> bool:  # the index is a moment behind
            carol.page.get_by_label("Commands").fill('"NEEDLE in" target:shop')
            carol.page.get_by_role("button", name="Search").click()
            return row.count() > 0

        wait_for(asked, "the command in the index")
        row.first.get_by_role("link").click()
        expect(carol.page.locator("li.found")).to_contain_text("a needle in the hay")
        assert carol.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        with carol.page.expect_download() as download:
            carol.page.get_by_role("link", name="Export").click()
        path = tmp_path / "export.jsonl"
        download.value.save_as(path)
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        assert entries[0]["kind"] == "open" and "needle" in str(entries)
        assert download.value.suggested_filename.endswith(".jsonl")


def test_a_terminal_is_played_back(browser: Browser, world: World) -> None:
    """Under the page's own content policy, without a word from the browser about it."""
    done = world.ssh.run(options=["-tt"], stdin=b"echo played-$((40+2))\nexit\n")
    assert b"played-42" in done.stdout
    with person_at(browser, world, "carol") as carol:
        carol.page.goto("/sessions?who=sue&protocol=ssh&state=closed")
        carol.page.locator("tbody a").first.click()
        carol.page.get_by_role("link", name="Replay").click()
        player = carol.page.locator("#player")
        expect(player.locator(".ap-terminal, .ap-term").first).to_be_visible()
        carol.page.locator(".ap-overlay-start, .ap-play-button").first.click()
        expect(player).to_contain_text("played-42")


def test_every_page_is_quiet(browser: Browser, world: World) -> None:
    """No error, and no violation of the content policy; on a phone nothing sticks out."""
    with person_at(browser, world, "olga", viewport={"width": 390, "height": 844}) as olga:
        for path in (
            "/targets",
            "/rules",
            "/health",
            "/access",
            "/may-i",
            "/sessions",
            "/holds",
            "/retention",
            "/approvals/past",
            "/approvals",
        ):
            olga.page.goto(path)
            expect(olga.page.get_by_role("heading", level=1)).to_be_visible()
            assert olga.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_may_i_in_the_browser(browser: Browser, world: World) -> None:
    with person_at(browser, world, "ann") as ann:
        ann.page.goto("/may-i")
        ann.page.get_by_label("Target").fill("shop")
        ann.page.get_by_label("Command").fill("delete from held_rows where id = 1")
        ann.page.get_by_role("button", name="Ask the rules").click()
        expect(ann.page.locator("#answer")).to_contain_text("When somebody agrees")
        expect(ann.page.locator("#answer")).to_contain_text("two eyes more")
