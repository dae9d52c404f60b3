"""Operations over HTTP; what they answer: test_web_estate and test_web_feed."""

from __future__ import annotations

from tests.support.api import Api
from tests.support.approvals import ISSUER


def test_readiness_is_for_balancers(api: Api) -> None:
    assert api.ask("GET", "/readyz").json == {"status": "ready", "problems": []}


def test_a_lock_from_outside_to_inside(api: Api) -> None:
    """I9: over HTTP, from the lock to the shut door."""
    value = f"{ISSUER}|bob"
    made = api.ask("POST", "/v1/locks", "olga", {"kind": "principal", "value": value, "seconds": 60, "reason": "lost"})
    assert made.status == 201 and made.json["until"] == api.office.time() + 60
    assert api.ask("GET", "/v1/approvals", "bob").status == 401
    assert api.ask("GET", "/v1/locks", "carol").json["locks"][0]["value"] == value
    assert api.ask("POST", "/v1/locks/lift", "olga", {"kind": "principal", "value": value}).json == {"lifted": True}
    assert api.ask("GET", "/v1/approvals", "bob").status == 200


def test_explaining_over_http(api: Api) -> None:
    answer = api.ask("POST", "/v1/explain", "alice", {"target": "shop", "command": "delete from t"})
    assert answer.status == 200 and answer.json["effect"] == "review"
    assert api.ask("POST", "/v1/explain", "alice", {"target": "shop"}).status == 400


def test_pages_have_links(api: Api) -> None:
    """RFC 8288, for clients that follow those."""
    from dataclasses import replace

    from tests.support.approvals import ALICE, DELETE, RETRY

    for number in range(2):
        api.file(ALICE, RETRY, replace(DELETE, text=f"DELETE {number}"))
        api.office.time.seconds += 1
    first = api.ask("GET", "/v1/approvals?limit=1&target=shop", "bob")
    path = first.headers["link"].partition("<")[2].partition(">")[0]
    assert "target=shop" in path and 'rel="next"' in first.headers["link"]
    second = api.ask("GET", path, "bob")
    assert second.json["approvals"][0]["id"] != first.json["approvals"][0]["id"] and "link" not in second.headers
    assert api.ask("GET", "/v1/approvals?cursor=nonsense", "bob").status == 400


def test_access_over_http(api: Api) -> None:
    body = {"target": "vault", "seconds": 3600, "reason": "CHG-1"}
    asked = api.ask("POST", "/v1/access", "alice", body)
    assert asked.status == 202
    assert api.ask("POST", "/v1/access", "olga", body).status == 404
    assert api.ask("POST", f"/v1/approvals/{asked.json['id']}/approve", "bob", {}).json["state"] == "granted"
    assert [each["target"] for each in api.ask("GET", "/v1/access", "alice").json["grants"]] == ["vault"]
    assert api.ask("POST", f"/v1/approvals/{asked.json['id']}/end", "olga", {}).json["state"] == "ended"


def test_A7_too_much_is_429(api: Api) -> None:
    for number in range(20):
        body = {"target": "vault", "seconds": 3600 + number, "reason": "x"}
        assert api.ask("POST", "/v1/access", "alice", body).status == 202
    answer = api.ask("POST", "/v1/access", "alice", {"target": "vault", "seconds": 60, "reason": "x"})
    assert answer.status == 429 and answer.headers["retry-after"]


def test_who_is_an_approver_is_told(api: Api) -> None:
    assert api.ask("GET", "/v1/whoami", "bob").json["approver"]
    assert not api.ask("GET", "/v1/whoami", "alice").json["approver"]
