"""SASL OAUTHBEARER (RFC 7628) with PostgreSQL 18's libpq: discovery at the gateway, device flow at the issuer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.support import oauth_client
from tests.support.gateway import ISSUER, Plan, running_gateway
from tests.support.loop import Loop
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.issuer import start_issuer


def asked(conninfo: str, ca: Path, token: str = "") -> dict[str, Any]:
    environ = {**os.environ, "HOOP_TEST_CA": str(ca), "HOOP_TOKEN": token}
    command = [sys.executable, oauth_client.__file__, conninfo]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def conninfo(house: House, port: int, issuer: str = ISSUER) -> str:
    where = f"host=localhost port={port} dbname=shop user=x"
    oauth = f"oauth_issuer={issuer} oauth_client_id=test require_auth=oauth"
    return f"{where} gssencmode=disable {oauth} sslmode=verify-full sslrootcert={house.gateway.ca}"


def test_libpq_discovers_the_issuer_and_logs_in_with_a_token(house: House) -> None:
    token = house.gateway.ring.token("erin", groups=["ci"])
    told = asked(conninfo(house, house.gateway.ports["oauth"]), house.gateway.ca, token)
    assert told.get("answer") == ["in"], told
    assert told["configuration"] == f"{ISSUER}/.well-known/openid-configuration"
    assert told["scope"] == "openid"


@pytest.mark.parametrize("claims", [{"exp": 1000}, {"aud": "somebody else"}, {"iss": "https://other.test"}])
def test_a_token_that_proves_nobody_is_refused(house: House, claims: dict[str, Any]) -> None:
    token = house.gateway.ring.token("erin", **claims)
    told = asked(conninfo(house, house.gateway.ports["oauth"]), house.gateway.ca, token)
    assert "answer" not in told
    assert "authentication failed" in told["error"]
    assert token not in told["error"]


def test_an_issuer_the_client_does_not_expect_is_refused_by_libpq(house: House) -> None:
    told = asked(conninfo(house, house.gateway.ports["oauth"], "https://other.test"), house.gateway.ca, "unused")
    assert "configuration" not in told
    assert "does not match oauth_issuer" in told["error"] or "issuer" in told["error"]


def test_the_device_flow_of_the_development_issuer(house: House, loop: Loop, tmp_path: Path) -> None:
    """Everything of a person's first log-in: discovery, device flow, token, session."""
    make_ca(tmp_path / "ca")
    tls = issue(tmp_path / "ca", ["localhost"])
    issuer, port = loop.run(lambda: start_issuer(loop.reactor, tmp_path / "issuer", tls=tls, approve_as="alice"))
    url = issuer.ring.issuer
    more = f"""[[issuers]]
name = "dev"
issuer = "{url}"
audience = ["hoop"]
ca = "{tmp_path / "ca" / "ca.pem"}"
[[listeners]]
name = "device"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{tls[0]}"
key = "{tls[1]}"
auth = ["oauth"]
issuer = "dev"
"""
    text = more + target("shop", house.server, house.database, LOGIN) + RULES
    try:
        with running_gateway(tmp_path / "gateway", Plan(text, {"TARGET_PASSWORD": PASSWORD})) as gateway:
            info = conninfo(house, gateway.ports["device"], url).replace(str(house.gateway.ca), f"{tmp_path}/ca/ca.pem")
            told = asked(f"{info} application_name=first-log-in", tmp_path / "ca" / "ca.pem")
            assert told.get("answer") == ["in"], told
            assert told["configuration"].startswith(url)
            principal = gateway.entries("first-log-in")[0]["principal"]
            assert (principal["issuer"], principal["subject"]) == (url, "alice")
            assert principal["groups"] == ["developers"]
    finally:
        loop.run(port.stopListening)
