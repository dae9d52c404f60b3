"""The gateway itself as values: configuration, "may I?", locks, deliveries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.approvals import ALICE, BOB, CAROL
from tests.support.notices import notice
from twisted_hoop.model import Principal
from twisted_hoop.web.estate import Estate
from twisted_hoop.web.inputs import DeliveriesQuery, ExplainBody, LockBody
from twisted_hoop.web.problems import Problem

OLGA = Principal(ALICE.issuer, "olga", groups=frozenset({"operators"}))


@pytest.fixture
def estate(api: Api) -> Estate:
    return Estate(api.parts)


def status(work: Any) -> int:
    try:
        work()
    except Problem as problem:
        return problem.status
    return 200


def test_R11_the_configuration_is_shown_without_secrets(estate: Estate) -> None:
    assert status(lambda: estate.configuration(ALICE)) == 403
    for who in (OLGA, CAROL):
        found = estate.configuration(who)
        assert [each["name"] for each in found["targets"]] == ["shop", "vault", "web-1"]
        assert "VAULT_PASSWORD" not in json.dumps(found) and "secret" not in json.dumps(found)
        assert found["rules"][1] == {"name": "writes", "effect": "review", "classes": ["write"], "approvers": ["dba"]}


def explained(estate: Estate, who: Principal, target: str, command: str, **principal: Any) -> dict[str, Any]:
    about = {"principal": principal} if principal else {}
    return estate.explain(who, ExplainBody.model_validate({"target": target, "command": command, **about}))


def test_may_i(estate: Estate) -> None:
    found = explained(estate, ALICE, "shop", "delete from t where id = 1")
    assert (found["effect"], found["rule"], found["approvers"], found["opens"]) == (
        "review",
        "writes",
        ["dba"],
        "allow",
    )
    assert any("writes" in line for line in found["trace"]) and found["facts"][0]["class"] == ["write"]
    assert explained(estate, ALICE, "shop", "select 1 from t")["effect"] == "allow"
    assert explained(estate, ALICE, "shop", "selec")["effect"] == "deny"


def test_may_somebody_else_is_for_auditors_and_operators(estate: Estate) -> None:
    assert status(lambda: explained(estate, ALICE, "shop", "select 1", subject="bob")) == 403
    found = explained(estate, OLGA, "vault", "select 1 from t", subject="eve", groups=["x"])
    assert found["opens"] == "deny" and found["effect"] == "deny"
    assert explained(estate, OLGA, "vault", "select 1 from t", subject="bob", groups=["dba"])["effect"] == "allow"


def test_targets_that_do_not_open_are_not_there(estate: Estate) -> None:
    assert status(lambda: explained(estate, ALICE, "vault", "select 1")) == 404
    assert status(lambda: explained(estate, ALICE, "nowhere", "select 1")) == 404
    assert status(lambda: explained(estate, OLGA, "nowhere", "select 1")) == 404


def test_locks_are_for_operators(api: Api, estate: Estate) -> None:
    body = LockBody(kind="principal", value=ALICE.key, reason="left")
    for who in (ALICE, CAROL):
        assert status(lambda who=who: api.loop.run(lambda: estate.lock(who, body))) == 403  # type: ignore[misc]
    assert api.loop.run(lambda: estate.lock(OLGA, body))["by_key"] == OLGA.key
    assert api.ask("GET", "/v1/whoami", "alice").status == 401
    assert [each["value"] for each in api.loop.run(lambda: estate.locks(CAROL))["locks"]] == [ALICE.key]
    assert status(lambda: api.loop.run(lambda: estate.locks(ALICE))) == 403
    assert api.loop.run(lambda: estate.lift(OLGA, "principal", ALICE.key)) == {"lifted": True}
    assert api.ask("GET", "/v1/whoami", "alice").status == 200
    own = LockBody(kind="principal", value=OLGA.key)
    assert status(lambda: api.loop.run(lambda: estate.lock(OLGA, own))) == 409


def test_deliveries_are_listed_and_tried_again(api: Api, estate: Estate) -> None:
    table = api.parts.deliveries

    async def die() -> str:
        await table.add(["chat"], notice())
        (one,) = await table.claim(["chat"], 60)
        await table.failed(one, "answered with status 404", None)
        return one.id

    ident = api.loop.run(die)
    query = DeliveriesQuery(state="dead")
    assert status(lambda: api.loop.run(lambda: estate.deliveries(BOB, query))) == 403
    (dead,) = api.loop.run(lambda: estate.deliveries(OLGA, query))["deliveries"]
    assert (dead["id"], dead["error"]) == (ident, "answered with status 404") and "text" not in json.dumps(dead)
    assert api.loop.run(lambda: estate.deliver_again(OLGA, ident))["state"] == "waiting"
    assert status(lambda: api.loop.run(lambda: estate.deliver_again(OLGA, ident))) == 409


def test_health_is_for_operators_and_auditors(api: Api, estate: Estate) -> None:
    assert api.loop.run(lambda: estate.health(OLGA))["status"] == "ok"
    assert status(lambda: api.loop.run(lambda: estate.health(ALICE))) == 403
