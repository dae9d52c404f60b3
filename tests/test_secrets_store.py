"""The secret store: three schemes, a cache of a minute, forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.support.loop import Loop, running_loop
from tests.support.tokens import Time
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.secrets.store import SecretStore

TTL = 60.0


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


def test_every_scheme(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "db").write_text("from-file\n")
    (tmp_path / "db").chmod(0o600)
    with running_web(loop) as web:
        web.answers["/v1/secret/data/shop"] = b'{"data": {"data": {"password": "from-vault"}}}'
        environ = {"DB": "from-environment", "VAULT_ADDR": web.url, "VAULT_TOKEN": "x"}
        store = SecretStore(loop.reactor, environ, root=tmp_path)
        assert verifyObject(ISecretStore, store)
        found = {
            name: loop.run(lambda name=name: store.resolve(name))
            for name in ("env:DB", "file:db", f"file:{tmp_path}/db", "vault:secret/shop#password")
        }
    assert list(found.values()) == ["from-environment", "from-file", "from-file", "from-vault"]


def test_a_secret_is_kept_for_a_minute_or_until_it_is_forgotten(loop: Loop) -> None:
    environ, time = {"DB": "old"}, Time(100.0)
    store = SecretStore(loop.reactor, environ, now=time)
    assert loop.run(lambda: store.resolve("env:DB")) == "old"
    environ["DB"] = "new"
    time.now += TTL - 1
    assert loop.run(lambda: store.resolve("env:DB")) == "old"
    store.forget("env:DB")
    store.forget("env:OTHER")
    assert loop.run(lambda: store.resolve("env:DB")) == "new"
    environ["DB"] = "newest"
    time.now += TTL
    assert loop.run(lambda: store.resolve("env:DB")) == "newest"


def test_what_cannot_be_had_is_said_and_not_remembered(loop: Loop, tmp_path: Path) -> None:
    environ: dict[str, str] = {"EMPTY": ""}
    store = SecretStore(loop.reactor, environ, root=tmp_path)
    for reference in ("env:DB", "env:EMPTY", "file:missing", "vault:secret/shop#password", "plain"):
        with pytest.raises(SecretUnavailable):
            loop.run(lambda reference=reference: store.resolve(reference))
    environ["DB"] = "here"
    assert loop.run(lambda: store.resolve("env:DB")) == "here"
