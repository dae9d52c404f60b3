"""A gateway whose people log in at a SAML provider nobody here wrote: npm samlify, as a process.

It is installed once into the user's cache folder; node and npm must be there.
"""

from __future__ import annotations

import contextlib
import html
import http.client
import json
import re
import ssl
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.support.gateway import Gateway, Plan, start_gateway
from tests.support.oidc import free_port, node_script
from tests.support.saml import make_signer

VERSION = "2.13.1"
SCRIPT = Path(__file__).parent.parent / "browser" / "saml_provider.mjs"
NAMES = ("people", "both", "message")
PEOPLE: Mapping[str, Mapping[str, list[str]]] = {
    "ann": {"groups": ["developers"]},
    "bob": {"groups": ["dba"]},
    "olga": {"groups": ["operators", "auditors"]},
    "later-bob": {"groups": ["dba"]},
}
_SECTION = """
[[saml]]
name = "{name}"
entity_id = "{provider}/{name}"
sso_url = "{provider}/{name}/sso"
certificate = "{folder}/idp.pem"
groups_attribute = "groups"
name_attribute = "displayName"
leeway = "5s"
"""


@dataclass
class SamlWorld:
    """A gateway over TLS at https://localhost, and its provider, which is another site."""

    gateway: Gateway
    plan: Plan
    folder: Path
    url: str
    provider: str

    def caller(self) -> SamlCaller:
        """A browser without scripts."""
        return SamlCaller(self)


@contextlib.contextmanager
def saml_world(folder: Path, plan: Plan) -> Iterator[SamlWorld]:
    """Start both; `plan` has targets and rules."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_keys(folder)
    port, theirs = free_port(), free_port()
    url, provider = f"https://localhost:{port}", f"http://127.0.0.1:{theirs}"
    text = "".join(_SECTION.format(name=name, provider=provider, folder=folder) for name in NAMES) + plan.text
    plan = replace(plan, text=text, url=url, api_port=port, api_tls=True)
    gateway = start_gateway(folder / "gateway", plan)
    try:
        world = SamlWorld(gateway, plan, folder, url, provider)
        for name in NAMES:
            (folder / f"{name}.xml").write_bytes(world.caller().get(f"{url}/saml/{name}/metadata").body)
        with _running(folder, theirs):
            yield world
    finally:
        gateway.stop()


def _write_keys(folder: Path) -> None:
    signer = make_signer()
    signer.pem(folder / "idp.pem")
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "idp.key").write_bytes(signer.key.private_bytes(*kind))


@contextlib.contextmanager
def _running(folder: Path, port: int) -> Iterator[None]:
    script = node_script(SCRIPT, f"samlify@{VERSION}")
    command = ["node", str(script), str(port), str(folder), json.dumps(PEOPLE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        seen = process.stdout.readline()
        assert seen.strip() == "ready", f"the provider does not start:\n{seen}{process.stdout.read()}"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


@dataclass
class Page:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def fields(self) -> dict[str, str]:
        """The hidden fields of its form."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.text)
        return {name: html.unescape(value) for name, value in found}


@dataclass
class SamlCaller:
    """Cookies of the gateway, nothing followed, both ends of a log-in in the hand."""

    world: SamlWorld
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, url: str) -> Page:
        """A page of either."""
        return self._ask("GET", url)

    def post(self, url: str, fields: Mapping[str, str]) -> Page:
        """A form."""
        return self._ask("POST", url, urllib.parse.urlencode(fields).encode())

    def begin(self, name: str = "people", query: str = "") -> str:
        """The address at the provider a log-in leads to."""
        begun = self.get(f"{self.world.url}/saml/{name}/login{query}")
        assert begun.status == 303, begun.text
        return begun.headers["location"]

    def answer(self, address: str, who: str) -> dict[str, str]:
        """What the provider would have a browser post for somebody who logs in there."""
        asked = self.get(address).fields()
        return self.post(address.partition("?")[0], {**asked, "login": who}).fields()

    def log_in(self, who: str, name: str = "people", query: str = "") -> Page:
        """From beginning to end."""
        return self.post(f"{self.world.url}/saml/{name}/acs", self.answer(self.begin(name, query), who))

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Page:
        parts = urllib.parse.urlsplit(url)
        ours = parts.scheme == "https"
        context = ssl.create_default_context(cafile=str(self.world.gateway.ca)) if ours else None
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=30, context=context)
            if ours
            else http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        if ours and self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with contextlib.closing(connection):
            connection.request(method, urllib.parse.urlunsplit(("", "", *parts[2:])), body, headers)
            got = connection.getresponse()
            page = Page(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        if ours and "set-cookie" in page.headers:
            name, _, value = page.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return page
