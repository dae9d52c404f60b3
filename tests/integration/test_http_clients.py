"""curl and requests through a live gateway: TLS, policy, people, masks, recordings."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.gateway import token_of, wait_for
from tests.support.http_gateway import HttpPlace, http_gateway

MASK = """
[[masks]]
name = "cards"
targets = ["orders"]
fields = ["card"]
detect = ["card"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpPlace]:
    with http_gateway(tmp_path_factory.mktemp("http"), MASK) as running:
        yield running


def curl(place: HttpPlace, *arguments: str, who: str = "ci") -> subprocess.CompletedProcess[str]:
    token = ["-H", f"Authorization: Bearer {token_of(who)}"] if who else []
    command = ["curl", "-sS", "--max-time", "60", "--cacert", str(place.gateway.ca), *token, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


def visitor(place: HttpPlace, who: str = "ci") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(place.gateway.ca)
    session.headers["Authorization"] = f"Bearer {token_of(who)}"
    return session


def test_curl_sees_the_api_and_the_api_the_gateway(place: HttpPlace) -> None:
    found = curl(place, place.url("/v1/a?x=1"), place.url("/v1/b"), "-w", "%{num_connects}\n")
    assert found.returncode == 0, found.stderr
    told: Any = json.loads(found.stdout.partition("}1")[0] + "}")
    assert told["path"] == "/v1/a?x=1" and told["headers"]["authorization"] == "Bearer token-of-the-gateway"
    assert found.stdout.endswith("0\n"), "the second request went over the same connection"
    assert token_of("ci") not in str(place.api.seen)


def test_only_http_1_1_is_offered(place: HttpPlace) -> None:
    found = curl(place, "--http2", "-w", "%{http_version}", "-o", "/dev/null", place.url("/v1/a"))
    assert found.stdout == "1.1", found.stderr


def test_a_denial_names_its_rule(place: HttpPlace) -> None:
    found = visitor(place).get(place.url("/v1/closed/x"))
    assert found.status_code == 403 and found.json()["detail"] == "this is closed" and found.json()["rule"] == "closed"
    assert visitor(place, "carol").get(place.url("/v1/a")).status_code == 404
    assert visitor(place, "nobody").get(place.url("/v1/a")).status_code == 401


def test_a_request_waits_for_people_in_its_connection(place: HttpPlace) -> None:
    found: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: found.append(visitor(place).post(place.url("/v1/held/1"), data=b"x" * 1000))
    )
    asking.start()
    request = place.gateway.pending("/v1/held/1")
    place.gateway.decide(request["id"])
    asking.join(60)
    assert found[0].status_code == 200 and found[0].json()["size"] == 1000
    assert found[0].headers["x-hoop-approval"] == request["id"]


def test_a_client_that_leaves_withdraws(place: HttpPlace) -> None:
    curl = ["curl", "-sS", "--cacert", str(place.gateway.ca), "-X", "DELETE", place.url("/v1/held/2")]
    asking = subprocess.Popen([*curl, "-H", f"Authorization: Bearer {token_of('ci')}"])
    request = place.gateway.pending("/v1/held/2")
    asking.kill()
    asking.wait()
    wait_for(lambda: place.gateway.requests("/v1/held/2", "withdrawn"), "the withdrawal")
    assert place.gateway.decide(request["id"]).status != 200
    assert not any(each["path"] == "/v1/held/2" for each in place.api.seen)


def test_a_retry_passes_once_it_is_approved(place: HttpPlace) -> None:
    with visitor(place) as session:
        first = session.post(place.url("/v1/retried"), data=b"x", headers={"X-Hoop-Reason": "end of month"})
        assert first.status_code == 403 and first.json()["code"] == "pending"
        (request,) = place.gateway.requests("/v1/retried")
        assert first.json()["approval"] == request["id"] and request["reason"] == "end of month"
        place.gateway.decide(request["id"])
        again = session.post(place.url("/v1/retried"), data=b"x", headers={"X-Hoop-Reason": "end of month"})
        assert again.status_code == 200
        assert session.post(place.url("/v1/retried"), data=b"x").status_code == 403, "it was for one use"


def test_a4_an_approval_is_for_what_is_not_shown_too(place: HttpPlace) -> None:
    """A4, A3: approvers see `token=…`, and have agreed to one of them; with another one the request is filed anew."""
    with visitor(place) as session:
        first = session.post(place.url("/v1/retried/a4?token=to-bob"), data=b"x")
        (request,) = place.gateway.requests("/v1/retried/a4")
        assert "to-bob" not in json.dumps(request) and "token=…" in request["text"]
        place.gateway.decide(request["id"])
        other = session.post(place.url("/v1/retried/a4?token=to-mallory"), data=b"x")
        assert (other.status_code, other.json()["code"]) == (403, "pending")
        assert other.json()["approval"] != first.json()["approval"]
        assert session.post(place.url("/v1/retried/a4?token=to-bob"), data=b"x").status_code == 200


def test_answers_are_masked_as_they_stream(place: HttpPlace) -> None:
    found = visitor(place).get(place.url("/v1/rows/2000"))
    rows = [json.loads(line) for line in found.text.splitlines()]
    assert [row["n"] for row in rows] == list(range(2000)) and "4111111111111111" not in found.text
    assert rows[7]["mail"] == "a7@example.com"
    clear = visitor(place).get(place.url("/v1/rows/3", "machines"))
    assert clear.text.count("4111111111111111") == 3


def test_a_client_certificate_is_shown_to_the_target(place: HttpPlace) -> None:
    before = len(place.api.seen)
    assert visitor(place).get(place.url("/v1/who", "machines")).status_code == 200
    assert place.api.seen[before]["certificate"] and "authorization" not in place.api.seen[before]["headers"]


def test_large_bodies_and_chunked_ones_go_in(place: HttpPlace) -> None:
    body = bytes(range(256)) * 40_000
    with visitor(place) as session:
        assert session.put(place.url("/v1/upload"), data=body).json()["size"] == len(body)
        assert session.put(place.url("/v1/upload"), data=iter([body, body])).json()["size"] == 2 * len(body)
    assert place.api.seen[-1]["body"] == body * 2


def test_curl_uploads_with_an_expectation(place: HttpPlace, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * 3_000_000)
    found = curl(place, "-T", str(file), "-H", "Expect: 100-continue", place.url("/v1/put"))
    assert json.loads(found.stdout)["size"] == 3_000_000


def test_the_clear_is_refused(place: HttpPlace) -> None:
    found = curl(place, place.url("/v1/a").replace("https:", "http:"), "-w", "%{http_code}")
    assert found.stdout.endswith("403") and "TLS" in found.stdout


def test_it_is_all_recorded_and_verifies(tmp_path: Path) -> None:
    with http_gateway(tmp_path) as place:
        with visitor(place) as session:
            session.post(place.url("/v1/recorded"), data=b"abc", headers={"X-Hoop-Reason": "because"})
            session.get(place.url("/v1/closed"))
        place.gateway.stop()
        (found,) = place.gateway.library.list(limit=10)
        entries = list(place.gateway.library.read(found.id))
        kinds = [entry["kind"] for entry in entries]
        assert kinds == ["open", "command", "outcome", "refused", "close"]
        assert entries[1]["text"] == "POST /v1/recorded" and entries[1]["reason"] == "because"
        assert entries[2]["status"] == 200 and entries[2]["seconds"] > 0 and entries[3]["rule"] == "closed"
        assert found.state == "closed" and token_of("ci") not in str(entries)


def test_r13_a_reload_counts_from_the_next_request_on(tmp_path: Path) -> None:
    """R13: rules, and a target that is not offered any more."""
    with http_gateway(tmp_path) as place, visitor(place) as session:
        assert session.get(place.url("/v1/a")).status_code == 200
        plan = place.plan
        closed = plan.text.replace("/v1/closed(/.*)?", "/v1/a")
        place.gateway.reload(type(plan)(closed, plan.environ))
        assert session.get(place.url("/v1/a")).status_code == 403
        gone = closed.replace('name = "orders"', 'name = "other"').replace('["orders"]', '["other"]')
        place.gateway.reload(type(plan)(gone, plan.environ))
        assert session.get(place.url("/v1/a")).status_code == 404
