"""How the parts are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.notices import notice
from twisted_hoop.gateway.health import Asked, Health
from twisted_hoop.notify.deliveries import Deliveries
from twisted_hoop.settings import Settings
from twisted_hoop.store.replicas import Replica, Replicas

SETTINGS = Settings.model_validate({"notify": [{"name": "chat", "kind": "slack"}], "recording": {"minimum_free": 1}})
ISSUER = {"name": "corp", "issuer": "https://i", "keys": 2, "loaded": 1.0, "problem": ""}


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(
        settings=lambda: SETTINGS,
        policy=lambda: "v1",
        sessions=lambda: 3,
        watchers=lambda: 0,
        listeners=lambda: ["pg postgres tcp"],
        issuers=lambda: [ISSUER],
        recorder=lambda: {"open": 3},
        recordings=tmp_path,
        started=1.0,
    )


def whole(asked: Asked, office: Office, loop: Loop) -> dict[str, Any]:
    return loop.run(Health(asked, office.database, Deliveries(office.database, office.time), loop.reactor).whole)


def unready(asked: Asked, office: Office, loop: Loop, stopping: bool = False) -> list[str]:
    health = Health(asked, office.database, Deliveries(office.database, office.time), loop.reactor)
    health.stopping = stopping
    return loop.run(health.unready)


def test_all_is_well(asked: Asked, office: Office, loop: Loop) -> None:
    found = whole(asked, office, loop)
    assert found["status"] == "ok" and found["problems"] == [] and found["store"]["kind"] == "sqlite"
    assert found["recorder"]["free_mib"] > 0 and found["sessions"] == 3
    assert found["channels"] == [{"name": "chat", "kind": "slack", "waiting": 0, "dead": 0}]
    assert unready(asked, office, loop) == []


def test_each_ailment_has_its_line(asked: Asked, office: Office, loop: Loop) -> None:
    deliveries = Deliveries(office.database, office.time)

    async def ail() -> None:
        await deliveries.add(["chat"], notice())
        (one,) = await deliveries.claim(["chat"], 60)
        await deliveries.failed(one, "no", None)
        for ident, policy in (("a", "v1"), ("b", "v2")):
            await Replicas(office.database).here(Replica(ident, "hoop", "1", policy, 1.0, office.time(), 0))

    loop.run(ail)
    full = SETTINGS.model_copy(update={"recording": SETTINGS.recording.model_copy(update={"minimum_free": 2**40})})
    ill = replace(asked, settings=lambda: full, issuers=lambda: [{**ISSUER, "problem": "gone"}])
    found = whole(ill, office, loop)
    assert found["status"] == "ailing" and len(found["problems"]) == 4
    told = "\n".join(found["problems"])
    for part in ("no space", "issuer corp: gone", "chat: 1 dead", "different rules: v1, v2"):
        assert part in told
    assert unready(ill, office, loop) == ["there is no space for recordings"]


def test_without_its_store_it_still_answers(asked: Asked, office: Office, loop: Loop) -> None:
    loop.run(lambda: setattr(office.database, "_engine", None))
    found = whole(asked, office, loop)
    assert found["problems"] == ["the store does not answer"] and found["replicas"] == []
    assert unready(asked, office, loop) == ["the store does not answer"]


def test_who_starts_or_stops_is_not_ready(asked: Asked, office: Office, loop: Loop) -> None:
    assert unready(replace(asked, listeners=list), office, loop) == ["the gateway starts or stops"]
    assert unready(asked, office, loop, stopping=True) == ["the gateway starts or stops"]
