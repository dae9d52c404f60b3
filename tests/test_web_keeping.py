"""Holds and retention over the API."""

from __future__ import annotations

from typing import Any

from tests.support.api import Api
from tests.support.archive import session_at
from tests.support.gateway import wait_for
from tests.support.recordings import command, now, recorder
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.model import Outcome
from twisted_hoop.recording.library import Library


def record(api: Api, name: str, target: str) -> None:
    recording = recorder(api.state).open(session_at(name, target, started=1_700_000_000.0))
    recording.write(command())
    now(recording.close(Outcome("closed")))
    assert isinstance(api.parts.recordings, Library)
    read_on(api.office.database, api.parts.recordings, name)


def ran(api: Api, dry: bool) -> Any:
    answer = api.ask("POST", "/v1/retention/run", "olga", {"dry": dry})
    assert answer.status == 202, answer.body
    path = f"/v1/retention/{answer.json['id']}"

    def report() -> Any:
        found = api.ask("GET", path, "olga")
        return found.json if found.status == 200 and found.json["state"] != "running" else None

    return wait_for(report, "the report")


def test_a_hold_keeps_what_a_rule_would_delete(api: Api) -> None:
    record(api, "session-0002", "short-1")
    record(api, "session-0003", "short-2")
    record(api, "session-0004", "shop")
    made = api.ask("POST", "/v1/holds", "olga", {"kind": "target", "value": "short-2", "reason": "case 1"})
    assert made.status == 201 and made.json["by_key"].endswith("|olga")
    dry = ran(api, True)
    assert (dry["deleted"], dry["held"], dry["dry"]) == (1, 1, True)
    real = ran(api, False)
    assert sorted((each["session"], each["what"]) for each in real["told"]) == [
        ("session-0002", "deleted"), ("session-0003", "held"),
    ]  # fmt: skip
    assert api.ask("GET", "/v1/sessions/session-0002/recording", "carol").status == 404
    lift = f"/v1/holds/{made.json['id']}/lift"
    assert api.ask("POST", lift, "olga", {"reason": "closed"}).json == {"lifted": True}
    assert api.ask("POST", lift, "olga", {"reason": "closed"}).status == 404
    assert ran(api, False)["deleted"] == 1
    overview = api.ask("GET", "/v1/retention", "carol").json
    assert overview["runs"][0]["deleted"] == 1 and overview["runs"][0]["told"] == []
    assert api.ask("GET", "/v1/holds", "carol").json == {"holds": []}
    assert len(api.ask("GET", "/v1/holds?lifted=true", "carol").json["holds"]) == 1


def test_who_may(api: Api) -> None:
    """R2: operators change, auditors look, nobody else does either."""
    body = {"kind": "target", "value": "shop", "reason": "x"}
    for who in ("carol", "bob"):
        assert api.ask("POST", "/v1/holds", who, body).status == 403
        assert api.ask("POST", "/v1/retention/run", who, {}).status == 403
        assert api.ask("POST", "/v1/holds/0123456789abcdef/lift", who, {"reason": "x"}).status == 403
    for path in ("/v1/holds", "/v1/retention", "/v1/retention/0123456789abcdef"):
        assert api.ask("GET", path, "bob").status == 403
    assert api.ask("GET", "/v1/retention/0123456789abcdef", "carol").status == 404
    assert api.ask("POST", "/v1/holds", "olga", {**body, "reason": ""}).status == 400
