"""Log in with a real Keycloak, by everything it can do for this gateway: OpenID Connect, device codes, SAML, new keys.

    ./dev run python -m tests.by_hand.keycloak [--zip keycloak-….zip] [--folder DIR]

It takes Java 17 or newer, Maven (or the zip) and chromium, and two to five minutes; nothing stays behind but the zip.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.by_hand.keycloak_server import SECRET, Keycloak, realm_of, running_keycloak
from tests.support.console import chromium
from tests.support.gateway import Gateway, Plan, running_gateway
from tests.support.oidc import free_port
from tests.support.postgres import load_shop, running_postgres
from tests.support.saml import make_signer

_OIDC = """
[[issuers]]
name = "keycloak"
issuer = "{realm}"
audience = ["hoop"]
algorithms = ["RS256"]
client_id = "hoop-console"
client_secret = "env:CONSOLE_SECRET"
"""
_TEXT = """
[own_issuer]
enabled = true
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:{port}"
database = "shop"
login = "login"
secret = "env:SHOP_PASSWORD"
tls = "disable"
groups = ["*"]
[[rules]]
name = "dba-reads"
groups = ["dba"]
effect = "allow"
classes = ["read"]
"""
PATIENCE = 90_000
"""Milliseconds."""
MARK = "# who is known\n"
_SAML = """
[[saml]]
name = "{name}"
entity_id = "{realm}"
sso_url = "{realm}/protocol/saml"
certificate = "{certificate}"
groups_attribute = "groups"
name_attribute = "displayName"
"""


class Trial:
    """Each method whose name begins with `shows` is one thing that is said, in order."""

    def __init__(self, keycloak: Keycloak, gateway: Gateway, folder: Path, plan: Plan) -> None:
        self._keycloak, self._gateway, self._folder, self._plan = keycloak, gateway, folder, plan
        self._url = plan.url
        self._token = self._fresh = ""

    def run(self, browser: Browser) -> int:
        """All of it; how many failed."""
        expect.set_options(timeout=PATIENCE)
        failed = 0
        for name in [name for name in type(self).__dict__ if name.startswith("shows_")]:
            try:
                getattr(self, name)(browser)
                print(f"  ok      {name[6:].replace('_', ' ')}", flush=True)
            except Exception:
                failed += 1
                said = [str(each.get("message")) for each in self._gateway.lines()[-8:]]
                print(f"  FAILED  {name[6:].replace('_', ' ')}\n{traceback.format_exc()}{said}", flush=True)
        return failed

    def shows_the_console_by_openid_connect(self, browser: Browser) -> None:
        with self._context(browser) as context:
            page = self._console(context, "keycloak", "bob")
            page.locator(".person summary").click()
            expect(page.locator(".person")).to_contain_text("dba")
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Logged out")).to_be_visible()

    def shows_hoop_login_by_device_code(self, browser: Browser) -> None:
        words = ("login", "--issuer", "keycloak", "--client-id", "hoop-cli", "--no-browser")
        with self._hoop(*words) as program, self._context(browser) as context:
            assert program.stderr is not None
            said = program.stderr.readline()
            found = re.search(r"Open (\S+) and enter the code (\S+)", said)
            assert found is not None, said + program.stderr.read()
            page = context.new_page()
            page.goto(found[1])
            page.locator("input[name=device_user_code]").fill(found[2])
            page.locator("[type=submit]").click()
            at_keycloak(page, "bob")
            page.locator("[name=accept]").click()
            out, err = program.communicate(timeout=120)
            assert program.returncode == 0, out + err
        with self._hoop("token") as program:
            self._token = program.communicate(timeout=60)[0].strip()
        print(f"          {json.dumps(_claims(self._token))}")
        me = self._whoami(self._token)
        assert (me["issuer"], me["groups"], me["name"]) == (self._keycloak.realm, ["dba"], "bob"), me
        with psycopg.connect(self._gateway.dsn("shop", self._token), autocommit=True) as connection:
            assert connection.execute("select count(*) from customers").fetchone()

    def shows_the_console_by_saml_whatever_is_signed(self, browser: Browser) -> None:
        for name in ("assertion", "response", "both"):
            self._by_saml(name)
            with self._context(browser) as context:
                page = self._console(context, name, "olga")
                page.locator(".person summary").click()
                expect(page.locator(".person")).to_contain_text("auditors")
                expect(page.locator(".person")).to_contain_text("operators")

    def shows_that_an_unsigned_answer_is_refused(self, browser: Browser) -> None:
        self._by_saml("unsigned")
        self._refused(browser, "unsigned", "nor its assertion is signed")

    def shows_that_an_encrypted_assertion_is_refused_and_why(self, browser: Browser) -> None:
        self._by_saml("both")
        client = f"{self._url}/saml/both/metadata"
        given = base64.b64encode(make_signer().certificate.public_bytes(Encoding.DER)).decode()
        self._keycloak.change_client(client, {"saml.encrypt": "true", "saml.encryption.certificate": given})
        try:
            self._refused(browser, "both", "encrypted")
        finally:
            self._keycloak.change_client(client, {"saml.encrypt": "false"})

    def shows_hoop_login_by_saml(self, browser: Browser) -> None:
        with self._hoop("login", "--saml", "both") as program, self._context(browser) as context:
            assert program.stderr is not None
            page = context.new_page()
            page.goto(program.stderr.readline().removeprefix("Open ").strip())
            at_keycloak(page, "bob")
            page.get_by_role("link", name="The number is the same").click()
            out, err = program.communicate(timeout=120)
            assert program.returncode == 0, out + err
        with self._hoop("token") as program:
            token = program.communicate(timeout=60)[0].strip()
        me = self._whoami(token)
        assert (me["issuer"], me["groups"]) == (self._keycloak.realm, ["dba"]), me
        with psycopg.connect(self._gateway.dsn("shop", token), autocommit=True) as connection:
            assert connection.execute("select count(*) from customers").fetchone()

    def shows_new_keys_for_saml_side_by_side_with_the_old(self, browser: Browser) -> None:
        self._fresh = self._keycloak.rotate(500)
        self._refused(browser, "both", "signature|certificate")
        file = self._folder / "idp.pem"
        file.write_text(file.read_text() + self._keycloak.certificate())
        self._by_saml("both")
        with self._context(browser) as context:
            self._console(context, "both", "bob")

    def shows_new_keys_for_openid_connect_found_by_themselves(self, browser: Browser) -> None:
        """The gateway knows the old keys only: it is told of none."""
        self._gateway.reload(self._plan)
        assert self._whoami(self._token)["name"] == "bob"  # signed with a key that is published still
        fresh = self._keycloak.rotate(900)
        with self._context(browser) as context:
            self._console(context, "keycloak", "bob")
        self._keycloak.retire_all_but(fresh)
        with self._context(browser) as context:
            self._console(context, "keycloak", "bob")

    # -- the ways there -------------------------------------------------------------------------------------------

    def _by_saml(self, name: str) -> None:
        """One provider is known by one protocol: subjects of the two are not the same."""
        self._gateway.reload(_plan_of(self._plan, _saml_text(self._keycloak, name, self._folder)))

    def _console(self, context: BrowserContext, provider: str, who: str) -> Page:
        page = context.new_page()
        page.goto(self._url)
        page.get_by_role("link", name=f"Log in with {provider}", exact=True).click()
        at_keycloak(page, who)
        page.locator(".person summary").wait_for()
        return page

    def _refused(self, browser: Browser, provider: str, why: str) -> None:
        before = len(self._gateway.lines())
        with self._context(browser) as context:
            page = context.new_page()
            page.goto(self._url)
            page.get_by_role("link", name=f"Log in with {provider}", exact=True).click()
            at_keycloak(page, "bob")
            page.wait_for_url(f"{self._url}/**")
            expect(page.locator("main")).to_contain_text("was not accepted")
        said = str(self._gateway.logged("refused at SAML", before)["message"])
        print(f"          {said}")
        assert re.search(why, said), said

    @contextlib.contextmanager
    def _context(self, browser: Browser) -> Iterator[BrowserContext]:
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(PATIENCE)
        try:
            yield context
        finally:
            context.close()

    @contextlib.contextmanager
    def _hoop(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "BROWSER": "true", "LC_ALL": "C.UTF-8"}
        environ |= {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
        command = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()", *words]
        command += ["--url", self._url, "--ca", str(self._gateway.ca)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
            try:
                yield running
            finally:
                running.kill()

    def _whoami(self, token: str) -> dict[str, Any]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "HOOP_TOKEN": token}
        environ |= {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
        command = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()", "whoami", "--json"]
        command += ["--url", self._url, "--ca", str(self._gateway.ca)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def at_keycloak(page: Page, who: str) -> None:
    """Its log-in page."""
    page.locator("#username").fill(who)
    page.locator("#password").fill(SECRET)
    page.locator("#kc-login").click()


def _claims(token: str) -> Any:
    """What stands in a token, of what matters here."""
    part = token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return {name: found.get(name) for name in ("iss", "aud", "azp", "typ", "groups", "preferred_username")}


def _plan_of(first: Plan, provider: str) -> Plan:
    return replace(first, text=first.text.partition(MARK)[0] + MARK + provider)


def _saml_text(keycloak: Keycloak, name: str, folder: Path) -> str:
    return _SAML.format(name=name, realm=keycloak.realm, certificate=folder / "idp.pem")


def _plan(keycloak: Keycloak, url: str, port: int, shop: int) -> Plan:
    environ = {"CONSOLE_SECRET": SECRET, "SHOP_PASSWORD": SECRET}
    text = _TEXT.format(port=shop) + MARK + _OIDC.format(realm=keycloak.realm)
    return replace(Plan(text, environ=environ), url=url, api_port=port, api_tls=True)


def main(words: list[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zip", type=Path, help="the distribution, instead of Maven's")
    parser.add_argument("--folder", type=Path, help="a folder that stays, with Keycloak unpacked in it")
    options = parser.parse_args(words)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoop-keycloak-")))
        folder.mkdir(parents=True, exist_ok=True)
        began = datetime.datetime.now()
        keycloak = stack.enter_context(running_keycloak(folder, options.zip))
        print(f"Keycloak runs ({(datetime.datetime.now() - began).seconds} s)", flush=True)
        failed = _try(keycloak)
    print(f"{failed} failed", flush=True)
    return 1 if failed else 0


def _try(keycloak: Keycloak) -> int:
    with contextlib.ExitStack() as stack:
        port = free_port()
        url = f"https://localhost:{port}"
        keycloak.admin("create", "realms", given=realm_of(url))
        server = stack.enter_context(running_postgres())
        server.create_login("login", SECRET)
        load_shop(server.create_database("shop"), "login")
        plan = _plan(keycloak, url, port, server.port)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (place / "idp.pem").write_text(keycloak.certificate())
        gateway = stack.enter_context(running_gateway(place, plan))
        trial = Trial(keycloak, gateway, place, plan)
        return trial.run(stack.enter_context(chromium()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
