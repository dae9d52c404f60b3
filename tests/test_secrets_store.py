"""The secret store: three schemes, a cache of a minute, forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.support.coroutines import now
from tests.support.loop import Loop, running_loop
from tests.support.tokens import Time
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.secrets.secret import Login, Secret
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import SecretsSection, TargetSection

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


def section(**more: object) -> TargetSection:
    usual = {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db.internal:5432", "login": "app"}
    return TargetSection.model_validate({**usual, **more})


def test_log_ins_with_and_without_a_secret(loop: Loop) -> None:
    environ = {"DB": "hunter2"}
    store = SecretStore(loop.reactor, environ, now=Time(100.0))
    assert loop.run(lambda: store.login(section(secret="env:DB"), "s1")) == Login("app", "hunter2")
    assert loop.run(lambda: store.login(section(), "s1")) == Login("app", "")


def test_another_log_in_only_where_there_is_another(loop: Loop) -> None:
    """A wrong password is shown to the target once, not twice: it may count, and lock the account."""
    environ, time = {"DB": "old"}, Time(100.0)
    store, target = SecretStore(loop.reactor, environ, now=time), section(secret="env:DB")
    first = loop.run(lambda: store.login(target, "s1"))
    time.now += 10
    assert loop.run(lambda: store.login_anew(target, "s1", first)) is None
    environ["DB"] = "new"
    time.now += 10
    assert loop.run(lambda: store.login_anew(target, "s1", first)) == Login("app", "new")
    for reference in ("", "aws-rds-iam:eu-central-1"):
        assert loop.run(lambda reference=reference: store.login_anew(section(secret=reference), "s1", first)) is None


def test_each_scheme_has_its_time(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "db").write_text("old")
    (tmp_path / "db").chmod(0o600)
    environ, time = {"DB": "old", "CREDENTIALS_DIRECTORY": str(tmp_path)}, Time(100.0)
    kept = SecretsSection.model_validate({"ttl": {"env": "10s", "file": "0s"}})
    store = SecretStore(loop.reactor, environ, root=tmp_path, now=time, secrets=kept)
    for reference in ("env:DB", "file:db", "systemd:db"):
        assert loop.run(lambda reference=reference: store.resolve(reference)) == "old"
    environ["DB"] = "new"
    (tmp_path / "db").write_text("new")
    found = [loop.run(lambda name=name: store.resolve(name)) for name in ("env:DB", "file:db", "systemd:db")]
    assert found == ["old", "new", "new"]
    store.replace(SecretsSection.model_validate({"ttl": {"env": "0s"}}))
    time.now += 10
    assert loop.run(lambda: store.resolve("env:DB")) == "new"


def test_stopping_what_never_began(loop: Loop) -> None:
    store = SecretStore(loop.reactor, {})
    store.release("s1")
    loop.run(store.stop)
    with pytest.raises(SecretUnavailable, match="stops"):
        loop.run(lambda: store.login(section(secret="vault:database/creds/x", login=""), "s1"))


def test_R11_a_reload_to_another_cluster_forgets_what_the_first_one_said() -> None:
    """R11: within the time to live, the target would be shown another cluster's credential."""
    store = SecretStore(None, {})
    for reference in ("k8s:a/b#c", "env:A"):
        now(store._kept.get(reference, 60.0, _one))
    store.replace(SecretsSection.model_validate({"ttl": {"env": "1s"}}))
    assert now(store._kept.get("k8s:a/b#c", 60.0, _two)) == "one"
    store.replace(SecretsSection.model_validate({"kubernetes": {"kubeconfig": "other"}}))
    assert [now(store._kept.get(each, 60.0, _two)) for each in ("k8s:a/b#c", "env:A")] == ["two", "one"]


async def _one() -> Secret:
    return Secret("one")


async def _two() -> Secret:
    return Secret("two")
