"""Refusals as kubectl prints them."""

from __future__ import annotations

import json

from tests.support.kube_house import head_of
from twisted_hoop.kubernetes.requests import KubeRequest, read_request
from twisted_hoop.kubernetes.statuses import refusal_answer, status_answer
from twisted_hoop.model import Command, Decision, Effect, Refusal

DENIED = Decision(Effect.DENY, "no-secrets", "secrets stay secret")


def request_of(line: str) -> KubeRequest:
    head = head_of(line)
    return read_request(head.method, head.path, head.query)


def test_a_status_is_one() -> None:
    answer = status_answer(404, "nothing")
    told = json.loads(answer.body)
    assert told == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "nothing",
        "reason": "NotFound", "code": 404,
    }  # fmt: skip
    assert answer.headers == ((b"content-type", b"application/json"),)
    assert json.loads(status_answer(418, "x").body)["reason"] == ""


def test_the_message_of_a_refusal_says_all_there_is() -> None:
    refusal = Refusal(Command("get", "x"), DENIED, "denied", "secrets stay secret", "ask the owner")
    told = json.loads(refusal_answer(request_of("GET /api/v1/namespaces/a/secrets/b"), refusal, "q-1").body)
    assert told["message"] == "hoop: secrets stay secret. ask the owner. (rule no-secrets, request q-1)"
    assert told["code"] == 403 and told["reason"] == "Forbidden"
    assert told["details"]["kind"] == "secrets" and told["details"]["name"] == "b" and told["details"]["uid"] == "q-1"


def test_programs_find_the_request_for_approval() -> None:
    refusal = Refusal(Command("get", "x"), DENIED, "pending", "waits", "", "r-7")
    told = json.loads(refusal_answer(request_of("GET /metrics"), refusal, "q").body)
    assert {"reason": "hoop.approval", "message": "r-7"} in told["details"]["causes"]
    assert json.loads(refusal_answer(None, refusal, "q").body)["details"]["uid"] == "q"
