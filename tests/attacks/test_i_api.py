"""Attacks on the API's door: I8 (a second credential path), I9 (locks), K13 (tokens in URLs)."""

from __future__ import annotations

import base64

import pytest
from twisted.logger import globalLogPublisher

from tests.support.api import RECORDED, Api
from tests.support.approvals import ISSUER

PROTECTED = [
    ("GET", "/v1/whoami"),
    ("GET", "/v1/approvals"),
    ("GET", "/v1/approvals/aaaaaaaaaaaa"),
    ("POST", "/v1/approvals/aaaaaaaaaaaa/approve"),
    ("POST", "/v1/approvals/aaaaaaaaaaaa/deny"),
    ("GET", "/v1/sessions"),
    ("GET", f"/v1/sessions/{RECORDED}"),
    ("GET", f"/v1/sessions/{RECORDED}/recording"),
    ("POST", f"/v1/sessions/{RECORDED}/end"),
]


def attempts(api: Api) -> list[dict[str, str]]:
    token = api.token("carol")
    head, payload, signature = token.split(".")
    changed = base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload + "==").replace(b"carol", b"olga")).decode()
    return [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": token},
        {"Authorization": f"Basic {base64.b64encode(f'carol:{token}'.encode()).decode()}"},
        {"Authorization": f"Token {token}"},
        {"Authorization": f"Bearer {token[:-4]}"},
        {"Authorization": f"Bearer {head}.{changed.rstrip('=')}.{signature}"},
        {"Authorization": f"Bearer {head}.{payload}."},
        {"Authorization": f"Bearer {token} {token}"},
        {"Authorization": f"Bearer {api.token('carol', exp=1)}"},
        {"Authorization": f"Bearer {api.token('carol', aud='other')}"},
        {"Authorization": f"Bearer {api.token('carol', iss='https://evil.example')}"},
        {"Authorization": "Bearer " + "x" * 7000},
        {"Cookie": f"token={token}; session={token}"},
        {"X-Auth-Token": token},
        {"X-Forwarded-User": "carol", "X-Remote-User": "carol", "X-Forwarded-Groups": "auditors"},
        {"X-Forwarded-Access-Token": token},
        {"Proxy-Authorization": f"Bearer {token}"},
    ]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_i8_one_door(api: Api, method: str, path: str) -> None:
    """I8: no route lets anything in but a good bearer token in its one header; POST and GET alike."""
    for headers in attempts(api):
        answer = api.ask(method, path, body={} if method == "POST" else None, headers=headers)
        assert answer.status == 401, (headers, answer.body)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    token = api.token("carol")
    assert api.ask(method, f"{path}?access_token={token}&token={token}").status == 401


def test_i8_two_authorization_headers(api: Api) -> None:
    """I8: a good and a bad one: neither counts."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.putrequest("GET", "/v1/whoami")
    connection.putheader("Authorization", f"Bearer {api.token('carol')}")
    connection.putheader("Authorization", "Bearer other")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_i8_tokens_in_the_clear_are_not_looked_at(api: Api) -> None:
    """I8: from another machine, without TLS: a proxy here speaks for somebody there."""
    headers = {"X-Forwarded-For": "192.0.2.1"}
    answer = api.ask("GET", "/v1/whoami", "carol", headers=headers)
    assert answer.status == 403 and "TLS" in answer.json["detail"]


def test_i9_a_lock_closes_the_door_at_once(api: Api) -> None:
    """I9: a token that was good a moment ago, and is in every cache."""
    token = api.token("carol")
    assert api.ask("GET", "/v1/whoami", token=token).status == 200
    api.loop.run(lambda: api.provider.locks.lock("principal", f"{ISSUER}|carol"))
    assert api.ask("GET", "/v1/whoami", token=token).status == 401


def test_k13_tokens_are_not_logged(api: Api) -> None:
    """K13: neither from the header, nor from a URL somebody put one into."""
    events: list[str] = []

    def observer(event: dict[str, object]) -> None:
        events.append(str(event))

    globalLogPublisher.addObserver(observer)  # type: ignore[arg-type]
    token = api.token("carol")
    api.ask("GET", "/v1/whoami", token=token)
    api.ask("GET", f"/v1/whoami?access_token={token}")
    api.ask("GET", "/v1/whoami", token=token[:-5])
    globalLogPublisher.removeObserver(observer)  # type: ignore[arg-type]
    assert not any(token[-40:-5] in event for event in events)
