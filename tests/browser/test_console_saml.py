"""Logging in by SAML at a provider nobody here wrote, on another site: with a browser, with none, and for programs."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, expect

from tests.integration.conftest import LOGIN, PASSWORD, make_shop
from tests.integration.plans import house_plan
from tests.support.console import PATIENCE
from tests.support.gateway import wait_for
from tests.support.postgres import Server
from tests.support.samlify import NAMES, SamlWorld, saml_world
from twisted_hoop.console.handing import challenge_of

STALE = "another browser"


@pytest.fixture(scope="module")
def saml(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamlWorld]:
    """The gateway before the shop; people log in by SAML only, and programs may be handed its own tokens."""
    plan = house_plan(postgres, make_shop(postgres, "asserted"), LOGIN, PASSWORD)
    plan = replace(plan, text="[own_issuer]\nenabled = true\n" + plan.text)
    with saml_world(tmp_path_factory.mktemp("saml"), plan) as running:
        yield running


def call(saml: SamlWorld, path: str, token: str, body: Any = None) -> Any:
    """One call of the API with a bearer token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(saml.url + path, None if body is None else json.dumps(body).encode(), headers)
    context = ssl.create_default_context(cafile=str(saml.gateway.ca))
    with urllib.request.urlopen(request, timeout=20, context=context) as answer:
        return json.load(answer)


def at_provider(page: Page, who: str) -> None:
    page.locator("input[name=login]").fill(who)
    page.get_by_role("button", name="Sign in").click()


# -- in a browser ------------------------------------------------------------------------------------------------------


def test_a_person_logs_in_by_saml_and_approves(browser: Browser, saml: SamlWorld) -> None:
    """The form that comes from another site carries no cookie of the console's but the one of the log-in."""
    context = browser.new_context(base_url=saml.url, ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    try:
        page.goto("/approvals?")
        page.get_by_role("link", name="Log in with people", exact=True).click()
        assert page.url.startswith(saml.provider)
        at_provider(page, "bob")
        page.locator(".person summary").wait_for()
        assert page.url == f"{saml.url}/approvals"
        cookies = {each["name"]: each for each in context.cookies(saml.url)}
        assert cookies["__Host-hoop"]["sameSite"] == "Lax" and cookies["__Host-hoop-saml"]["sameSite"] == "None"
        assert all(each["secure"] and each["httpOnly"] for each in cookies.values())
        asked = saml.gateway.dsn("shop", "ann", more="sslmode=disable application_name=by_saml")
        with psycopg.connect(asked, autocommit=True) as connection:
            sent = subprocess.Popen(
                [sys.executable, "-c", _DELETE, asked], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            try:
                held = page.locator(".request", has_text="id = 7101")
                held.get_by_role("button", name="Approve").click()
                assert sent.communicate(timeout=60)[0].strip() == "DELETE 0"
            finally:
                sent.kill()
                sent.communicate()
            assert connection.execute("select 1").fetchone() == (1,)
        (done,) = call(saml, "/v1/approvals?state=all&limit=500", "token-of-bob")["approvals"]
        assert [vote["name"] for vote in done["votes"]] == ["bob"]
        page.locator(".person summary").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Logged out")).to_be_visible()
    finally:
        context.close()


_DELETE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    print(connection.execute("delete from held_rows where id = 7101").statusmessage)
"""


def test_hoop_login_gets_a_token_that_opens_everything(browser: Browser, saml: SamlWorld, tmp_path: Path) -> None:
    """The browser logs in, the page shows the program's number, the code comes back over loopback."""
    with hoop(saml, tmp_path, "login", "--saml", "people") as program:
        assert program.stderr is not None
        url = program.stderr.readline().removeprefix("Open ").strip()
        number = program.stderr.readline().strip().rpartition(" ")[2].rstrip(".")
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(PATIENCE)
        try:
            page = context.new_page()
            page.goto(url)
            at_provider(page, "ann")
            expect(page.get_by_role("heading", name="Log in a program as ann?")).to_be_visible()
            expect(page.locator(".number")).to_have_text(number)
            page.get_by_role("link", name="The number is the same").click()
            expect(page.get_by_text("You may close this page")).to_be_visible()
            assert context.cookies(saml.url) == [
                each for each in context.cookies(saml.url) if each["name"] == "__Host-hoop-saml"
            ]  # who logs in a program is not logged in to the console
        finally:
            context.close()
        out, err = program.communicate(timeout=60)
        assert program.returncode == 0, out + err
    with hoop(saml, tmp_path, "token") as program:
        token = program.communicate(timeout=60)[0].strip()
    me = call(saml, "/v1/whoami", token)
    assert (me["issuer"], me["subject"]) == (f"{saml.provider}/people", "id-of-ann")
    assert me["groups"] == ["developers"] and me["name"] == "ann"
    with psycopg.connect(saml.gateway.dsn("shop", token), autocommit=True) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@contextlib.contextmanager
def hoop(saml: SamlWorld, home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process; whatever happens, it ends."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "BROWSER": "true", "LC_ALL": "C.UTF-8"}
    environ |= {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    command = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()", *arguments]
    command += ["--url", saml.url, "--ca", str(saml.gateway.ca)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=home) as running:
        try:
            yield running
        finally:
            running.kill()


# -- without one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_provider_signs(saml: SamlWorld, name: str) -> None:
    """The assertion, the response, or both."""
    caller = saml.caller()
    done = caller.log_in("olga", name, "?to=%2Fsessions")
    assert (done.status, done.headers["location"]) == (303, "/sessions"), done.text
    assert caller.get(f"{saml.url}/sessions").status == 200


def test_hoop_login_on_a_machine_without_a_browser(saml: SamlWorld, tmp_path: Path) -> None:
    """The page is opened anywhere else; the code is copied by hand."""
    with hoop(saml, tmp_path, "login", "--saml", "both", "--no-browser") as program:
        assert program.stderr is not None
        url = program.stderr.readline().removeprefix("Open ").strip()
        caller = saml.caller()
        page = caller.log_in("bob", "both", "?" + url.partition("?")[2])
        code = re.search(r"<textarea[^>]*>([^<]+)<", page.text)
        assert code is not None and len(code[1]) < 4000 and "127.0.0.1" not in page.text
        _, err = program.communicate(f"{code[1]}\n", timeout=60)
        assert program.returncode == 0 and "logged in" in err, err
        assert caller.cookies.keys() == {"__Host-hoop-saml"}


def token_of(saml: SamlWorld, who: str) -> str:
    """What `hoop login` does, by hand."""
    verifier = secrets.token_urlsafe(48)
    page = saml.caller().log_in(who, "people", f"?challenge={challenge_of(verifier)}")
    code = re.search(r"<textarea[^>]*>([^<]+)<", page.text)
    assert code is not None
    told = call(saml, "/saml/token", "", {"code": code[1], "verifier": verifier})
    assert 3500 < told["expires_in"] <= 3600 or told["expires_in"] <= 900
    with pytest.raises(urllib.error.HTTPError) as refused:  # I7: a code counts once
        call(saml, "/saml/token", "", {"code": code[1], "verifier": verifier})
    refused.value.close()
    return str(told["access_token"])


def test_a1_the_person_behind_a_token_is_the_person_in_the_browser(saml: SamlWorld) -> None:
    """A1: bob, a DBA, asks with a token of the gateway's own, and cannot approve it, in the console or with another."""
    asked = saml.gateway.dsn("shop", token_of(saml, "bob"))
    command = [sys.executable, "-c", _DELETE.replace("7101", "7102"), asked]
    sent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        path = "/v1/approvals?state=pending&limit=500"

        def held() -> list[Any]:
            found = call(saml, path, "token-of-bob")["approvals"]
            return [each for each in found if "id = 7102" in each["text"]]

        (request,) = wait_for(held, "the request")
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(saml, f"/v1/approvals/{request['id']}/approve", token_of(saml, "bob"), {"comment": ""})
        with refused.value:
            assert refused.value.code == 403
        call(saml, f"/v1/approvals/{request['id']}/approve", "token-of-bob", {"comment": ""})
        assert sent.communicate(timeout=60)[0].strip() == "DELETE 0"
    finally:
        sent.kill()
        sent.communicate()


def test_a_token_becomes_an_ssh_certificate(saml: SamlWorld) -> None:
    """For the same person: issuer and subject of the provider stand in it."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    told = call(saml, "/v1/ssh/certificate", token_of(saml, "ann"), {"public_key": key})
    certificate = base64.b64decode(told["certificate"].split()[1])
    assert b"id-of-ann" in certificate and f"{saml.provider}/people".encode() in certificate


def test_i7_an_answer_counts_once_and_only_in_the_browser_that_asked(saml: SamlWorld) -> None:
    """I7: replayed by the same browser, shown by another, by one with a log-in of its own on its way, or with none."""
    mine, other = saml.caller(), saml.caller()
    answer = mine.answer(mine.begin(), "bob")
    acs = f"{saml.url}/saml/people/acs"
    assert STALE in other.post(acs, answer).text
    other.begin()
    assert STALE in other.post(acs, answer).text
    theirs = {**answer, "RelayState": other.answer(other.begin(), "olga")["RelayState"]}
    assert other.post(acs, theirs).status == 403  # their RelayState, my assertion: it answers my request
    first = mine.post(acs, answer)
    assert first.status == 303
    again = saml.caller()
    again.cookies = dict(mine.cookies)
    assert STALE in again.post(acs, answer).text


def test_i7_an_answer_for_one_provider_is_not_taken_as_anothers(saml: SamlWorld) -> None:
    """I7: the same person, the same key, another entity: audience, recipient and issuer are exact."""
    caller = saml.caller()
    answer = caller.answer(caller.begin("both"), "bob")
    assert STALE in caller.post(f"{saml.url}/saml/people/acs", answer).text
    wanted = caller.answer(caller.begin("people"), "bob")
    mixed = {"SAMLResponse": answer["SAMLResponse"], "RelayState": wanted["RelayState"]}
    assert caller.post(f"{saml.url}/saml/people/acs", mixed).status == 403


def test_i7_relay_state_is_no_address(saml: SamlWorld) -> None:
    """I7: neither what the provider sends back, nor what a link asks for, leads to another site."""
    caller = saml.caller()
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "/saml/people/login", "/logout"):
        done = caller.log_in("olga", "people", "?" + urllib.parse.urlencode({"to": wanted}))
        assert done.headers["location"] == "/"
        caller.cookies.clear()
    answer = caller.answer(caller.begin(), "olga")
    assert caller.post(f"{saml.url}/saml/people/acs", {**answer, "RelayState": "https://evil.example"}).status == 400


def test_i7_a_stale_answer(saml: SamlWorld) -> None:
    """I7: an hour old, well signed."""
    refused = saml.caller().log_in("later-bob")
    assert refused.status == 403 and "was not accepted" in refused.text
    saml.gateway.logged("the assertion has expired")


def test_i5_changed_on_its_way(saml: SamlWorld) -> None:
    """I5: what samlify signed, with another name; with no signature; unsigned XML; none at all."""
    for change in (
        lambda xml: xml.replace(b"id-of-ann", b"id-of-bob"),
        lambda xml: re.sub(rb"<ds:Signature.*?</ds:Signature>", b"", xml, flags=re.S),
        lambda xml: b"<x/>",
        lambda xml: b"",
    ):
        caller = saml.caller()
        answer = caller.answer(caller.begin(), "ann")
        changed = base64.b64encode(change(base64.b64decode(answer["SAMLResponse"]))).decode()
        refused = caller.post(f"{saml.url}/saml/people/acs", {**answer, "SAMLResponse": changed})
        assert refused.status == 403 and "__Host-hoop" not in caller.cookies


def test_i6_larger_than_any_answer(saml: SamlWorld) -> None:
    """I6: refused while it comes, at this path as at others."""
    caller = saml.caller()
    caller.begin()
    fields = {"SAMLResponse": "A" * 400_000, "RelayState": "x"}
    assert caller.post(f"{saml.url}/saml/people/acs", fields).status == 400
    with contextlib.suppress(OSError):  # the connection may be closed while we still send
        assert caller.post(f"{saml.url}/saml/people/acs", {**fields, "SAMLResponse": "A" * 700_000}).status == 413


def test_i8_a_lock_holds_for_people_of_saml(saml: SamlWorld) -> None:
    """I8, I9: their visit ends, they cannot come back, and a code that was handed out before is worth nothing."""
    caller, program = saml.caller(), saml.caller()
    verifier = "v" * 43
    assert caller.log_in("eve").status == 303 and caller.get(f"{saml.url}/approvals").status == 200
    shown = program.log_in("eve", "people", f"?challenge={challenge_of(verifier)}")
    assert "Log in a program as eve?" in shown.text
    lock = {"kind": "principal", "value": f"{saml.provider}/people|id-of-eve", "reason": "left"}
    locked = call(saml, "/v1/locks", "token-of-olga", lock)
    assert locked["value"] == lock["value"]
    wait_for(lambda: caller.get(f"{saml.url}/approvals").status == 303, "the visit to end")
    assert saml.caller().log_in("eve").status == 403
    code = re.search(r"code=([^\"&]+)\"", shown.text) or re.search(r"<textarea[^>]*>([^<]+)<", shown.text)
    assert code is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(saml, "/saml/token", "", {"code": code[1], "verifier": verifier})
    with refused.value:
        assert refused.value.code == 403 and "does not count" in json.load(refused.value)["detail"]
