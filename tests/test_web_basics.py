"""Health, metrics, whoami."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import Api, listening_api
from tests.support.approvals import ISSUER, Office
from tests.support.loop import Loop

ELSEWHERE = {"X-Forwarded-For": "192.0.2.1"}


def test_health_needs_the_store(api: Api) -> None:
    assert api.ask("GET", "/healthz").json == {"status": "ok"}
    assert api.ask("HEAD", "/healthz").body == b""
    api.loop.run(lambda: setattr(api.office.database, "_engine", None))
    answer = api.ask("GET", "/healthz")
    assert answer.status == 503 and answer.headers["retry-after"] == "5"


def test_metrics_are_for_this_machine_and_operators(office: Office, loop: Loop, tmp_path: Path) -> None:
    with listening_api(office, loop, tmp_path / "state") as api:
        here = api.ask("GET", "/metrics")
        assert here.status == 200 and here.headers["content-type"].startswith("text/plain") and b"hoop_" in here.body
        assert api.ask("GET", "/metrics", headers=ELSEWHERE).status == 403  # in the clear, through a proxy


def test_whoami_says_what_the_token_proves(api: Api) -> None:
    token = api.token("carol", act={"sub": "agent-7", "iss": ISSUER})
    who = api.ask("GET", "/v1/whoami", token=token).json
    assert (who["subject"], who["kind"], who["auditor"], who["operator"]) == ("carol", "human", False, False)
    assert who["chain"] == [{"issuer": ISSUER, "subject": "agent-7"}]
    assert who["groups"] == ["auditors", "dba"] and who["expires"] > 0
