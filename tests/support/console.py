"""A gateway with a console, an OpenID provider its people log in at, and Debian's chromium to look at it with."""

from __future__ import annotations

import contextlib
import json
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.gateway import Gateway, Plan, start_gateway, wait_for
from tests.support.oidc import OidcProvider, free_port
from tests.support.tokens import make_ring
from twisted_hoop.demo.keyring import KeyRing

PEOPLE: Mapping[str, list[str]] = {
    "ann": ["developers"],
    "bob": ["dba"],
    "carol": ["dba", "auditors"],
    "olga": ["operators", "auditors"],
}
CLIENT, SECRET = "hoop-console", "the console's secret, for tests: +/&="
SCRIPT = Path(__file__).parent.parent / "browser" / "login_provider.mjs"
FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage")
PATIENCE = 30_000  # milliseconds

_CONSOLE = """
[console]
issuer = "login"
[[issuers]]
name = "login"
issuer = "{issuer}"
audience = ["hoop"]
algorithms = ["EdDSA"]
client_id = "{client}"
client_secret = "env:CONSOLE_SECRET"
"""


@dataclass
class World:
    """What the tests of one worker share. `url` is the console's; `ssh` an SshPlace, where there is one."""

    gateway: Gateway
    provider: OidcProvider
    ring: KeyRing
    url: str
    ssh: Any = None

    def pending(self, text: str) -> dict[str, Any]:
        """The pending request whose text holds this; waits until it is filed."""
        return wait_for(lambda: self.requests(text), f"a request for {text}")[0]  # type: ignore[no-any-return]

    def requests(self, text: str, state: str = "pending") -> list[dict[str, Any]]:
        """Such requests in a state, as a DBA sees them over the API."""
        with self.api("GET", f"/v1/approvals?state={state}&limit=500", "bob") as answer:
            return [each for each in json.load(answer)["approvals"] if text in each["text"]]

    def api(self, method: str, path: str, who: str, body: Any = None) -> Any:
        """One call of the API with somebody's token; use the answer in a `with` block."""
        headers = {"Authorization": f"Bearer {self.token(who)}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method), timeout=20)

    def token(self, who: str, **claims: Any) -> str:
        """A bearer token of somebody, as the provider would issue for the gateway's own audience."""
        return self.ring.token(who, **{"groups": PEOPLE[who], "preferred_username": who.title(), **claims})

    def dsn(self, target: str, who: str, more: str = "") -> str:
        """A libpq connection string that shows such a token."""
        return self.gateway.dsn(target, self.token(who), more=f"sslmode=disable {more}")


@contextlib.contextmanager
def console_world(folder: Path, plan: Plan, tls: bool = False) -> Iterator[World]:
    """Start all of it; `plan` has targets and rules. With `tls`, the console is at https://localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    provider = OidcProvider(SCRIPT, free_port(), folder)
    ring = make_ring(provider.url, "EdDSA", "RS256")
    port = free_port()
    url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    plan = replace(plan, api_tls=tls)
    provider.start(ring, json.dumps({"client": client_of(url), "people": _people()}))
    text = _CONSOLE.format(issuer=provider.url, client=CLIENT) + plan.text
    environ = {**plan.environ, "CONSOLE_SECRET": SECRET}
    try:
        gateway = start_gateway(folder / "gateway", replace(plan, text=text, environ=environ, url=url, api_port=port))
        try:
            yield World(gateway, provider, ring, url)
        finally:
            gateway.stop()
    finally:
        provider.stop()


def client_of(url: str) -> dict[str, Any]:
    """The gateway as a client of the provider."""
    return {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{url}/login/callback"],
        "post_logout_redirect_uris": [f"{url}/login"],
    }


def _people() -> dict[str, Any]:
    return {name: {"name": name.title(), "groups": groups} for name, groups in PEOPLE.items()}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    path = shutil.which("chromium")
    assert path, "chromium is needed for this test"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """Somebody at a browser of their own. `troubles` are errors of scripts and violations of the content policy."""

    page: Page
    context: BrowserContext
    troubles: list[str]


@contextlib.contextmanager
def person_at(browser: Browser, world: World, who: str = "", **options: Any) -> Iterator[Person]:
    """Somebody who has logged in, or with no name nobody yet. Troubles fail the test."""
    context = browser.new_context(base_url=world.url, **options)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    try:
        if who:
            log_in(page, who)
            troubles.clear()  # the provider's own pages are not ours
        yield Person(page, context, troubles)
        assert troubles == []
    finally:
        context.close()


def log_in(page: Page, who: str, start: str = "/") -> None:
    """From the console's log-in through the provider's pages and back."""
    page.goto(start)
    page.get_by_role("link", name="Log in with").click()
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    page.locator(".person summary").wait_for()
