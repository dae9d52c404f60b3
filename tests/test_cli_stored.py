"""Tokens that are kept: where, for how long, and for whose eyes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.loop import Loop
from tests.support.web import running_web
from tests.test_cli_openid import issuer
from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.openid import Client
from twisted_hoop.cli.stored import Login, forget, fresh, make_login, store, stored
from twisted_hoop.demo.keyring import KeyRing

URL = "https://hoop.example"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def token(seconds: float) -> str:
    ring = KeyRing("https://id.example")
    ring.add("EdDSA")
    return ring.token("alice", exp=int(time.time() + seconds))


def login(seconds: float, client: Client | None = None, again: str = "") -> Login:
    return make_login(URL, client or Client("i", "c"), "", {"access_token": token(seconds), "refresh_token": again})


def test_kept_for_its_owner_only() -> None:
    """R11."""
    known = login(600)
    path = store(known)
    assert stored(URL) == known and stored(URL + "/") == known
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert stored("https://other.example") is None
    assert forget(URL) and not forget(URL) and stored(URL) is None


def test_a_token_that_is_good_is_used_as_it_is() -> None:
    known = login(600)
    assert fresh(known) is known


def test_one_that_ends_is_refreshed_and_kept(loop: Loop) -> None:
    with running_web(loop) as web:
        renewed = token(600)
        client = issuer(web, (200, {"access_token": renewed}))
        found = fresh(login(5, client, "again"))
        assert found.token == renewed and found.refresh_token == "again" and stored(URL) == found


def test_one_that_ends_for_good_says_so() -> None:
    with pytest.raises(CommandFailed, match="run hoop login"):
        fresh(login(5))


def test_a_broken_file_says_so() -> None:
    path = store(login(600))
    for text in ("{", json.dumps({"url": URL}), "[]"):
        path.write_text(text)
        with pytest.raises(CommandFailed, match="run hoop login"):
            stored(URL)
