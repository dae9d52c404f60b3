"""`hoop login --saml` against a gateway that only answers; the whole of it is tried in tests/browser."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from twisted.web.http import Request

from tests.support.loop import Loop
from tests.support.web import Web, running_web
from twisted_hoop.cli import saml
from twisted_hoop.cli.client import Api
from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.main import cli
from twisted_hoop.console.handing import challenge_of, number_of

TOKEN = "a.e30.c"


def gateway(web: Web, login: str = "https://hoop.example/saml/corp/login") -> list[dict[str, str]]:
    """Answers as one does; what was shown to it."""
    shown: list[dict[str, str]] = []

    def redeem(request: Request) -> bytes:
        body: Any = request.content
        shown.append(json.loads(body.read()))
        return json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 60}).encode()

    offered = {"issuers": [], "saml": [{"name": "corp", "issuer": "https://idp", "login": login}]}
    web.answers |= {"/v1/login": json.dumps(offered).encode(), "/saml/token": redeem}
    return shown


def test_the_code_comes_over_loopback(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else a browser asks for is not here, and nobody but this machine can ask."""
    told: list[str] = []

    def browser(url: str) -> None:
        question = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        home = f"http://127.0.0.1:{question['port']}"

        def visits() -> None:
            for path in ("/favicon.ico", "/", "/?code=", "/?code=a&code=b", "/x?code=a"):
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(home + path, timeout=20)
                refused.value.close()
            with urllib.request.urlopen(f"{home}/?code=the-code", timeout=20) as page:
                assert b"may close" in page.read() and page.headers["cache-control"] == "no-store"

        thread = threading.Thread(target=visits)
        thread.start()
        threads.append(thread)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(click, "launch", browser)
    with running_web(loop) as web:
        shown = gateway(web)
        api = Api(web.url)
        answer = saml.log_in(api, saml.find_way(api, "corp"), told.append, browser=True)
    threads[0].join(60)
    assert answer["access_token"] == TOKEN and shown[0]["code"] == "the-code"
    challenge = challenge_of(shown[0]["verifier"])
    assert f"challenge={challenge}" in told[0] and number_of(challenge) in told[1]


def test_nobody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saml, "PATIENCE", -1.0)
    monkeypatch.setattr(click, "launch", lambda url: None)
    with pytest.raises(CommandFailed, match="nobody logged in"):
        saml.log_in(
            Api("http://127.0.0.1:1"), saml.SamlWay("corp", "https://idp", "https://x"), lambda text: None, True
        )


def test_the_code_is_brought_and_the_token_kept(loop: Loop, tmp_path: Path) -> None:
    with running_web(loop) as web:
        shown = gateway(web)
        environ = {"HOOP_URL": web.url, "XDG_CONFIG_HOME": str(tmp_path)}
        said = CliRunner().invoke(cli, ["login", "--saml", "corp", "--no-browser"], input=" the-code \n", env=environ)
        assert said.exit_code == 0, said.output
        assert shown[0]["code"] == "the-code" and "port" not in said.output
        assert number_of(challenge_of(shown[0]["verifier"])) in said.output
        (file,) = (tmp_path / "hoop").iterdir()
        assert json.loads(file.read_text())["token"] == TOKEN and file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("login", ["http://hoop.example/login", "file:///etc/passwd", "javascript:x", 5])
def test_only_pages_are_opened(loop: Loop, login: Any) -> None:
    with running_web(loop) as web:
        gateway(web, login)
        with pytest.raises(CommandFailed, match="no page to log in at"):
            saml.find_way(Api(web.url), "corp")
        with pytest.raises(CommandFailed, match="no SAML provider"):
            saml.find_way(Api(web.url), "other")
