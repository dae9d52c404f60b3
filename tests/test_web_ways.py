"""Where to log in, and which targets are open to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import OPEN, Api
from tests.support.approvals import ISSUER
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import ListenerSection, TargetSection
from twisted_hoop.web.ways import Ways, address_of


def test_anybody_learns_where_to_log_in(api: Api) -> None:
    answer = api.ask("GET", "/v1/login")
    assert answer.status == 200
    corp = {"name": "corp", "issuer": ISSUER, "client_id": "hoop-cli", "scope": "openid"}
    assert answer.json == {"issuers": [corp], "saml": []}


def test_targets_are_those_that_open(api: Api) -> None:
    """What is not open is not told of either."""
    assert api.ask("GET", "/v1/targets").status == 401
    found = {name: api.ask("GET", "/v1/targets", name).json["targets"] for name in ("alice", "bob")}
    assert [each["name"] for each in found["alice"]] == ["shop", "web-1"]
    assert [each["name"] for each in found["bob"]] == ["vault", "web-1"]
    shop, web = found["alice"]
    assert shop["listeners"] == [
        {"host": "hoop.example", "port": 5432, "tls": True, "auth": []},
        {"host": "/run/hoop", "port": 5433, "tls": False, "auth": []},
    ]
    assert web["login"] == "deploy" and web["listeners"][0]["host"] == "2001:db8::1"


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ({"endpoint": "tcp:5432:interface=127.0.0.1"}, ("127.0.0.1", 5432)),
        ({"endpoint": "tcp:5432", "address": "db.example:6000"}, ("db.example", 6000)),
        ({"endpoint": "tcp:5432:interface=0.0.0.0"}, ("hoop.example", 5432)),
        ({"endpoint": "unix:/run/hoop.sock"}, ("/run", 0)),
    ],
)
def test_addresses(section: dict[str, Any], place: tuple[str, int]) -> None:
    found = address_of(OPEN, ListenerSection(name="x", protocol="postgres", **section))
    assert (found["host"], found["port"]) == place


def test_a_listener_of_http_leads_to_kubernetes_too() -> None:
    listener = {"name": "web", "protocol": "http", "endpoint": "tcp:6443", "certificate": "a", "key": "b"}
    cluster = {"name": "prod", "protocol": "kubernetes", "endpoint": "tcp:k8s:6443", "groups": ["*"]}
    settings = OPEN.model_copy(
        update={
            "listeners": [ListenerSection.model_validate(listener)],
            "targets": [TargetSection.model_validate(cluster)],
        }
    )
    way = Ways(lambda: settings, lambda: RulePolicy(settings))._way(settings, settings.targets[0])
    assert [each["port"] for each in way["listeners"]] == [6443] and way["protocol"] == "kubernetes"
