"""What people are asked about requests of kubectl: with the body they agree to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.kube.place import KubePlace, kube_place
from tests.support.kube.programs import Ran
from tests.support.kube.samples import config_map, secret

RULES = """
[[rules]]
name = "reviewed"
effect = "review"
targets = ["plain"]
resources = ["configmaps", "secrets"]
verbs = ["create", "patch"]
names = ["reviewed-.*"]
approvers = ["dba"]
wait = "90s"
[[rules]]
name = "later"
effect = "review"
targets = ["plain"]
resources = ["configmaps"]
verbs = ["create"]
names = ["later-.*"]
approvers = ["dba"]
wait = "0s"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubePlace]:
    with kube_place(tmp_path_factory.mktemp("approvals"), RULES, own=True) as running:
        yield running


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as running:
        yield running


def create(place: KubePlace, item: dict[str, Any]) -> Ran:
    return place.kubectl("create", "-f", "-", stdin=json.dumps(item))


def test_A3_who_decides_sees_what_is_sent(place: KubePlace, pool: ThreadPoolExecutor) -> None:
    """A3: the body stands beside the request; kubectl prints who agreed."""
    asking = pool.submit(create, place, config_map("reviewed-1", colour="#1a2b3c"))
    request = place.gateway.pending("/configmaps")
    shown = json.loads(request["parameters"][0])
    assert shown["data"] == {"colour": "#1a2b3c"} and shown["metadata"]["name"] == "reviewed-1"
    assert "body" in str(request["context"])
    place.gateway.decide(request["id"], comment="for the release")
    ran = asking.result(120)
    assert "created" in ran.well()
    assert "Warning: hoop: this request was held for approval" in ran.err and "for the release" in ran.err


def test_M12_values_of_secrets_are_neither_shown_nor_recorded(place: KubePlace, pool: ThreadPoolExecutor) -> None:
    """M12."""
    asking = pool.submit(create, place, secret("reviewed-2", password="hunter2"))
    request = place.gateway.pending("/secrets")
    assert "hunter2" not in str(request) and "aHVudGVyMg" not in str(request) and "password" in request["parameters"][0]
    place.gateway.decide(request["id"])
    assert "created" in asking.result(120).well()


def test_A4_an_approval_is_for_these_bytes(place: KubePlace) -> None:
    """A4: the same request with another body waits for an approval of its own."""
    assert "Forbidden" in create(place, config_map("later-1", a="1")).failed()
    place.gateway.decide(place.gateway.pending("/configmaps")["id"])
    assert "Forbidden" in create(place, config_map("later-1", a="2")).failed()
    assert "created" in create(place, config_map("later-1", a="1")).well()
