"""Logging in and out, over real HTTP."""

from __future__ import annotations

import urllib.parse

import pytest

from tests.support.visitor import CLIENT, SECRET, ConsoleHouse, Visitor, text_of, words_of
from twisted_hoop.settings import Settings


def test_a_log_in_from_beginning_to_end(console: ConsoleHouse) -> None:
    bob = console.visitor()
    asked = bob.get("/approvals")
    assert (asked.status, asked.headers["location"]) == (303, "/login?to=%2Fapprovals")
    page = bob.get(asked.headers["location"])
    assert "Log in with corp" in words_of(page) and "/login/start?to=%2Fapprovals" in text_of(page)
    begun = bob.get("/login/start?to=%2Fapprovals")
    assert begun.headers["location"].startswith(console.provider.web.url + "/auth?")
    before = bob.cookie
    done = bob.get("/login/callback?" + console.provider.log_in(begun.headers["location"], "bob"))
    assert (done.status, done.headers["location"]) == (303, "/approvals")
    assert bob.cookie != before
    assert bob.get("/approvals").status == 200
    assert console.provider.asked[0]["redirect_uri"] == f"http://{console.host}/login/callback"
    assert CLIENT and SECRET not in text_of(page)


def test_who_is_logged_in_is_led_on(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    assert bob.get("/login?to=/sessions").headers["location"] == "/sessions"
    assert bob.get("/login/start?to=/sessions").headers["location"] == "/sessions"
    assert bob.get("/login/callback?code=x&state=y").headers["location"] == "/"
    assert bob.get("/").headers["location"] == "/approvals"


def test_log_out(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    cookie = bob.cookie
    bye = bob.post("/logout")
    assert bye.status == 200 and "Max-Age=0" in bye.headers["set-cookie"]
    farewell = urllib.parse.urlencode({"client_id": CLIENT, "post_logout_redirect_uri": f"http://{console.host}/login"})
    assert farewell.replace("&", "&amp;") in text_of(bye)
    bob.cookie = cookie  # a browser that kept it all the same
    assert bob.get("/approvals").headers["location"].startswith("/login")


def test_the_issuer_may_refuse_or_be_away(console: ConsoleHouse) -> None:
    nobody = console.visitor()
    begun = nobody.get("/login/start")
    state = dict(urllib.parse.parse_qsl(begun.headers["location"].partition("?")[2]))["state"]
    refused = nobody.get(f"/login/callback?error=access_denied&state={state}")
    assert refused.status == 403 and "was not accepted" in words_of(refused)
    begun = nobody.get("/login/start")
    console.provider.web.answers["/token"] = (503, b"")
    away = nobody.get("/login/callback?" + console.provider.log_in(begun.headers["location"], "bob"))
    assert away.status == 503 and "cannot be asked now" in words_of(away)
    assert nobody.cookie == ""


def test_without_an_issuer_that_answers_there_is_no_start(console: ConsoleHouse) -> None:
    console.provider.web.answers["/.well-known/openid-configuration"] = (500, b"")
    assert console.visitor().get("/login/start").status == 503


@pytest.mark.parametrize("console_settings", [{"enabled": False}, {"issuer": "other"}])
def test_without_a_console_there_is_none(console: ConsoleHouse, console_settings: dict[str, object]) -> None:
    old = console.settings[0]
    console.settings[0] = Settings.model_validate({**old.model_dump(), "console": console_settings})
    for path in ("/", "/login", "/approvals", "/login/start"):
        assert console.visitor().get(path).status == 404
    assert console.visitor().get("/healthz").status == 200


def test_scripts_are_told_where_to_log_in(console: ConsoleHouse) -> None:
    answer = console.visitor().get("/approvals/list", hx_request="true")
    assert (answer.status, answer.headers["hx-redirect"], answer.body) == (401, "/login", b"")


def test_what_an_open_page_asks_keeps_no_visit(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    for _ in range(3):
        console.office.time.seconds += 1500
        status = bob.get("/approvals/list", hx_request="true").status
    assert status == 401


def test_a_visit_ends_in_time(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    console.office.time.seconds += 3599
    assert bob.get("/approvals").status == 200
    console.office.time.seconds += 3601
    assert bob.get("/approvals").status == 303


def test_another_name_of_this_machine_leads_to_the_right_one(console: ConsoleHouse) -> None:
    stranger = Visitor(console.port, "hoop.evil.example")
    answer = stranger.get("/approvals")
    assert (answer.status, answer.headers["location"]) == (303, f"http://{console.host}/approvals")
    assert stranger.ask("POST", "/logout", b"").status == 421
    assert stranger.get("//evil.example/").status == 404
