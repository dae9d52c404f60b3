"""A statement is held, a second person decides in the console, psql goes on: in a real browser, at a real provider."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.console import Person, World, person_at
from tests.support.gateway import wait_for
from tests.support.programs import program


@contextmanager
def psql(world: World, who: str, sql: str) -> Iterator[subprocess.Popen[str]]:
    """psql, running a statement as somebody."""
    command = [program("psql", 18), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-c", sql, world.dsn("shop", who)]
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    running = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        for stream in (running.stdout, running.stderr):
            assert stream is not None
            stream.close()


def ended(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err


def card(page: Page, text: str) -> Locator:
    return page.locator(".request", has_text=text)


def test_a_held_delete_is_approved_by_somebody_else_and_goes_on(browser: Browser, world: World) -> None:
    sql = "-- reason: CHG-77\ndelete from held_rows where id = 101"
    with person_at(browser, world, "bob") as bob:
        expect(bob.page.get_by_text("Nothing waits for a decision")).to_be_visible()
        with psql(world, "ann", sql) as running:
            # The page shows it by itself: nobody reloads.
            held = card(bob.page, "id = 101")
            expect(held).to_be_visible()
            for part in ("Ann on shop", "public.held_rows", "held – two eyes more", "CHG-77"):
                expect(held).to_contain_text(part)
            expect(held.locator(".deadline")).to_have_text(re.compile(r"\d+ s left"))
            expect(bob.page).to_have_title(re.compile(r"^\(1\) Inbox"))
            held.get_by_label("Comment").fill("go ahead")
            held.get_by_role("button", name="Approve").click()
            expect(bob.page.get_by_role("status")).to_contain_text("Ann on shop")
            assert ended(running)[:2] == (0, "DELETE 0\n")
        expect(card(bob.page, "id = 101")).to_have_count(0)
        bob.page.goto("/approvals")
        expect(bob.page.locator(".past")).to_contain_text("id = 101")
        expect(bob.page.locator(".past")).to_contain_text("Bob")
    assert [vote["comment"] for vote in world.requests("id = 101", "all")[0]["votes"]] == ["go ahead"]


def test_a_denial_reaches_the_client_with_its_comment(browser: Browser, world: World) -> None:
    with (
        person_at(browser, world, "carol") as carol,
        psql(world, "ann", "delete from held_rows where id = 102") as running,
    ):
        held = card(carol.page, "id = 102")
        held.get_by_label("Comment").fill("not on a Friday")
        held.get_by_role("button", name="Deny").click()
        status, _, err = ended(running)
        assert status != 0 and "Carol" in err and "not on a Friday" in err


def test_a1_the_requester_cannot_approve(browser: Browser, world: World) -> None:
    """A1: bob, a DBA, asks; he is told why he cannot decide; carol can."""
    with psql(world, "bob", "insert into held_rows values (103, 'x')") as running:
        ident = world.pending("(103,")["id"]
        with person_at(browser, world, "bob") as bob:
            held = card(bob.page, "(103,")
            expect(held).to_contain_text("You cannot decide this: nobody approves what they ask for themselves")
            expect(held.get_by_role("button")).to_have_count(0)
            # A form made by hand, with everything else right.
            sent = _forged(bob, ident)
            assert sent == 409
        assert running.poll() is None
        with person_at(browser, world, "carol") as carol:
            card(carol.page, "(103,").get_by_role("button", name="Approve").click()
            assert ended(running)[0] == 0


def _forged(person: Person, ident: str) -> int:
    """Send the decision as a script of the page itself could."""
    status: int = person.page.evaluate(
        """async ([ident]) => {
            const csrf = document.querySelector("input[name=csrf]").value;
            const page = await (await fetch(`/approvals/${ident}`)).text();
            const digest = page.match(/[0-9a-f]{64}/)[0];
            const body = new URLSearchParams({csrf, decision: "approve", comment: "", digest});
            return (await fetch(`/approvals/${ident}/decide`, {method: "POST", body})).status;
        }""",
        [ident],
    )
    person.troubles.clear()  # the browser notes the 409
    return status


def test_a8_two_people_race(browser: Browser, world: World) -> None:
    """A8: both look at it; the second to click is told who was first."""
    with psql(world, "ann", "delete from held_rows where id = 104") as running:
        world.pending("id = 104")
        calm = {"java_script_enabled": False}  # nothing tells one page what the other does
        with person_at(browser, world, "bob", **calm) as bob, person_at(browser, world, "carol", **calm) as carol:
            for person in (bob, carol):
                expect(card(person.page, "id = 104")).to_be_visible()
            card(bob.page, "id = 104").get_by_role("button", name="Deny").click()
            card(carol.page, "id = 104").get_by_role("button", name="Approve").click()
            expect(carol.page.get_by_role("alert")).to_contain_text("the request is denied already")
            expect(carol.page.locator(".votes")).to_contain_text("Bob")
            carol.troubles.clear()  # the browser notes the 409
        assert ended(running)[0] != 0
    assert world.requests("id = 104", "all")[0]["state"] == "denied"


def test_what_nobody_decides_is_seen_to_expire(browser: Browser, world: World) -> None:
    with person_at(browser, world, "bob") as bob:
        with psql(world, "ann", "insert into brief_rows values (105, 'x')") as running:
            assert "nobody approved in time" in ended(running)[2]
        bob.page.goto("/approvals/past?state=expired")
        row = bob.page.locator("tr", has_text="(105,")
        expect(row).to_contain_text("expired")
        row.get_by_role("link").click()
        expect(bob.page.get_by_role("heading", level=1)).to_contain_text("Ann on shop")
        expect(bob.page.get_by_role("button", name="Approve")).to_have_count(0)


def test_without_scripts_one_reads_and_decides(browser: Browser, world: World) -> None:
    with psql(world, "ann", "delete from held_rows where id = 106") as running:
        world.pending("id = 106")
        with person_at(browser, world, "bob", java_script_enabled=False) as bob:
            held = card(bob.page, "id = 106")
            expect(held.locator(".deadline")).to_contain_text("left")
            held.get_by_role("link", name="Details").click()
            expect(bob.page.get_by_text("An approval holds")).to_be_visible()
            bob.page.get_by_label("Comment").fill("by hand")
            bob.page.get_by_role("button", name="Approve").click()
            expect(bob.page.get_by_role("status")).to_contain_text("Ann on shop")
        assert ended(running)[0] == 0


def test_with_the_keyboard_alone(browser: Browser, world: World) -> None:
    sql = "delete from held_rows where id = 107"
    with psql(world, "ann", sql) as running, person_at(browser, world, "bob") as bob:
        expect(card(bob.page, "id = 107")).to_be_visible()
        bob.page.keyboard.press("j")
        expect(card(bob.page, "id = 107")).to_be_focused()
        while not bob.page.evaluate("document.activeElement.name === 'comment'"):
            bob.page.keyboard.press("Tab")
        assert bob.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        bob.page.keyboard.type("typed")
        bob.page.keyboard.press("Tab")
        bob.page.keyboard.press("Enter")
        assert ended(running)[0] == 0


def test_a_comment_survives_what_happens_meanwhile(browser: Browser, world: World) -> None:
    """The list changes under somebody who writes: their words and their place stay."""
    with person_at(browser, world, "bob") as bob, psql(world, "ann", "delete from held_rows where id = 108") as first:
        card(bob.page, "id = 108").get_by_label("Comment").fill("half a sen")
        with psql(world, "ann", "delete from held_rows where id = 109") as second:
            expect(card(bob.page, "id = 109")).to_be_visible()
            expect(card(bob.page, "id = 108").get_by_label("Comment")).to_have_value("half a sen")
            expect(card(bob.page, "id = 108").get_by_label("Comment")).to_be_focused()
            for running, text in ((first, "id = 108"), (second, "id = 109")):
                card(bob.page, text).get_by_role("button", name="Approve").click()
                assert ended(running)[0] == 0


def test_a3_hidden_characters_are_seen(browser: Browser, world: World) -> None:
    """A3: what a browser would reorder or swallow stands there in writing, with its name."""
    sql = "delete from held_rows where note = 'a\u202eb\u200bc' and id = 110"
    with person_at(browser, world, "bob") as bob, psql(world, "ann", sql) as running:
        held = card(bob.page, "id = 110")
        expect(held.locator("pre")).to_have_text(
            "delete from held_rows where note = 'a\\u{202E}b\\u{200B}c' and id = 110"
        )
        expect(held.locator("mark").first).to_have_attribute("title", "right-to-left override")
        expect(held).to_contain_text("hidden or imitating characters")
        held.get_by_role("button", name="Deny").click()
        assert ended(running)[0] != 0


def test_another_site_cannot_decide(browser: Browser, world: World) -> None:
    """Cross-site request forgery, from a page bob is lured to while he is logged in."""
    with psql(world, "ann", "delete from held_rows where id = 111") as running:
        request = world.pending("id = 111")
        with person_at(browser, world, "bob") as bob:
            evil = f"""<form method=post action="{world.url}/approvals/{request["id"]}/decide">
                <input name=decision value=approve><input name=digest value={request["digest"]}>
                <input name=csrf value=guess></form><script>document.forms[0].submit()</script>"""
            bob.page.route("http://evil.test/", lambda route: route.fulfill(body=evil, content_type="text/html"))
            with bob.page.expect_response(lambda answer: answer.url.endswith("/decide")) as got:
                bob.page.goto("http://evil.test/")
            assert got.value.status in (303, 403)
            bob.troubles.clear()
        assert world.pending("id = 111")["votes"] == [] and running.poll() is None


def test_a_log_out_elsewhere_closes_open_pages(browser: Browser, world: World) -> None:
    """I9: another tab's log-out is felt by the page that is open, as soon as it asks for something."""
    with person_at(browser, world, "bob") as bob:
        other = bob.context.new_page()
        other.goto("/approvals")
        other.locator(".person summary").click()
        other.get_by_role("button", name="Log out").click()
        expect(other.get_by_role("heading", name="Logged out")).to_be_visible()
        bob.page.evaluate("htmx.trigger('#pending', 'sse:approval')")
        wait_for(lambda: _moved(bob.page), "the log-in page")
        bob.troubles.clear()  # the browser notes the 401


def _moved(page: Page) -> bool:
    page.wait_for_timeout(100)
    return "/login" in page.url
