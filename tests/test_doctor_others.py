"""Issuers, stores, channels, and the gateway itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.http_house import FakeSecrets
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.doctor.finding import Finding, Look, take_all
from twisted_hoop.doctor.others import (
    look_at_channel,
    look_at_gateway,
    look_at_issuer,
    look_at_storage,
    look_at_store,
    readiness_url,
)
from twisted_hoop.doctor.sockets import Head
from twisted_hoop.settings import IssuerSection, ListenerSection, NotifySection, Settings


def test_an_issuer_without_keys_and_one_that_is_not_there(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": []}))

    def found(**more: Any) -> Finding:
        section = IssuerSection.model_validate({"name": "corp", "issuer": "https://i", "audience": ["a"], **more})
        looks = [Look("issuer", "corp", lambda: look_at_issuer(loop.reactor, section, 5))]
        return loop.run(lambda: take_all(loop.reactor, looks, 20))[0]

    assert found(jwks=str(tmp_path / "jwks.json")).state == "error"
    assert found(jwks=str(tmp_path / "none.json")).state == "error"
    gone = found(issuer="http://127.0.0.1:1")
    assert gone.state == "error" and "127.0.0.1:1" in gone.what


def test_stores(loop: Loop, tmp_path: Path, postgres: Server) -> None:
    def found(url: str) -> list[Finding]:
        settings = Settings.model_validate({"gateway": {"state": str(tmp_path)}, "store": {"url": url}})
        return loop.run(lambda: look_at_store(loop.reactor, settings))

    url = f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/postgres"
    assert [each.state for each in found("")] == ["ok"]
    assert [each.area for each in found(url)] == ["store", "clock"]
    assert [each.state for each in found("postgresql://x:hunter2@127.0.0.1:1/x")] == ["error"]
    assert "hunter2" not in str(found("postgresql://x:hunter2@127.0.0.1:1/x"))


def test_object_storage_that_is_a_folder(loop: Loop, tmp_path: Path) -> None:
    def found(folder: Path) -> Finding:
        settings = Settings.model_validate({"recording": {"storage": {"url": f"file://{folder}"}}})
        return loop.run(lambda: look_at_storage(loop.reactor, settings, FakeSecrets()))[0]  # type: ignore[arg-type]

    assert found(tmp_path).state == "ok"
    assert found(tmp_path / "none").state == "error" and not (tmp_path / "none").exists()


def test_r11_of_a_channel_only_its_host_is_told_and_nothing_is_posted(loop: Loop, postgres: Server) -> None:
    def found(**more: Any) -> Finding:
        section = NotifySection.model_validate({"name": "chat", "kind": "slack", **more})
        work = lambda: look_at_channel(loop.reactor, section, FakeSecrets(), 5)  # type: ignore[arg-type]  # noqa: E731
        return loop.run(work)[0]

    gone = found(url="https://127.0.0.1:1/hunter2")
    assert gone.state == "error" and "hunter2" not in str(gone)
    mail = found(kind="email", server=f"127.0.0.1:{postgres.port}", encryption="none")
    assert mail.state == "ok" and "nothing was sent" in mail.what


def test_the_gateway_of_this_machine(loop: Loop) -> None:
    listener = ListenerSection(name="api", protocol="api", endpoint="tcp:8080:interface=0.0.0.0", certificate="c")
    assert readiness_url(listener) == "https://127.0.0.1:8080/readyz"
    assert readiness_url(listener.model_copy(update={"endpoint": "unix:/x"})) == ""

    def found(answer: Any) -> Finding:
        def ask(*_: Any) -> Head:
            if isinstance(answer, Exception):
                raise answer
            return Head(answer, "", '{"problems": ["the store does not answer"]}')

        return loop.run(lambda: look_at_gateway(loop.reactor, listener, 5, ask))[0]

    assert found(200).what == "runs and is ready"
    assert found(503).state == "error" and "the store does not answer" in found(503).what
    assert found(ConnectionRefusedError()).what == "does not run"
    assert found(TimeoutError()).state == "warning"
