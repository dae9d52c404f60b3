"""Rules, as people with kubectl meet them: told why not, held until somebody decides, one question for one deed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import wait_for
from tests.support.kube.place import KubePlace
from tests.support.kube.programs import Ran
from tests.support.kube.raw import ask
from tests.support.kube.samples import config_map, pod


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    names = ("box", "held-box", "held-other", "held-cp", "closed-box")
    running.apply(*(pod(name) for name in names))
    running.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=100s").well()
    yield running
    running.gone()


class Later:
    """kubectl in a thread: what is held is decided meanwhile."""

    def __init__(self, place: KubePlace, *arguments: str, **more: Any) -> None:
        self._ran: list[Ran] = []
        self._thread = threading.Thread(target=lambda: self._ran.append(place.kubectl(*arguments, **more)))
        self._thread.start()

    def ran(self) -> Ran:
        """How it ended."""
        self._thread.join(100)
        return self._ran[0]


def test_a_refusal_says_why_and_which_rule(place: KubePlace) -> None:
    told = place.kubectl("get", "cm", "x", "-n", "closed").failed()
    assert "nobody works there" in told and "rule closed" in told and "Forbidden" in told


def test_whoever_may_not_open_a_target_finds_none(place: KubePlace) -> None:
    assert place.kubectl("get", "cm", who="carol").status != 0
    assert "must be logged in" in place.kubectl("get", "cm", who="nobody").failed()


def test_discovery_answers_whatever_rules_say(place: KubePlace) -> None:
    for path in ("/api", "/apis", "/version", "/openapi/v3", "/healthz", "/readyz", "/livez"):
        assert ask(place, "GET", path, who="ann").status == 200


def test_a_deletion_waits_for_somebody(place: KubePlace) -> None:
    place.apply(config_map("held-deletion", a="1"))
    asking = Later(place, "delete", "cm", "held-deletion", "--wait=false")
    request = place.gateway.pending("held-deletion")
    assert place.kubectl("get", "cm", "held-deletion").well(), "it is still there"
    place.gateway.decide(request["id"])
    ran = asking.ran()
    assert "deleted" in ran.well() and "Warning:" in ran.err, ran
    assert "not found" in place.kubectl("get", "cm", "held-deletion").failed()


def test_a_deletion_that_is_denied_does_not_happen(place: KubePlace) -> None:
    place.apply(config_map("held-denied", a="1"))
    asking = Later(place, "delete", "cm", "held-denied", "--wait=false")
    request = place.gateway.pending("held-denied")
    place.gateway.decide(request["id"], "deny", comment="not today")
    assert "not today" in asking.ran().failed()
    assert place.kubectl("get", "cm", "held-denied").well()


def test_an_exec_waits_in_its_upgrade(place: KubePlace) -> None:
    asking = Later(place, "exec", "held-box", "--", "echo", "waited")
    request = place.gateway.pending("echo waited")
    place.gateway.decide(request["id"])
    assert asking.ran().well() == "waited\n"


def test_a_denied_exec_that_comes_again_by_spdy_asks_once(place: KubePlace) -> None:
    """kubectl answers any refused WebSocket with SPDY: that is the same deed, with the same answer."""
    asking = Later(place, "exec", "held-other", "--", "echo", "asked-once")
    request = place.gateway.pending("echo asked-once")
    place.gateway.decide(request["id"], "deny", comment="no")
    assert asking.ran().failed()
    states = ("pending", "denied", "expired", "withdrawn")
    assert sum(len(place.gateway.requests("echo asked-once", state)) for state in states) == 1


def test_an_exec_that_a_rule_denies_is_told_so(place: KubePlace) -> None:
    assert "that one is closed" in place.kubectl("exec", "closed-box", "--", "id").failed()


def test_a_copy_asks_once(place: KubePlace, tmp_path: Path) -> None:
    """`kubectl cp` is four requests, and one deed."""
    (tmp_path / "file").write_text("content")
    asking = Later(place, "cp", str(tmp_path / "file"), "held-cp:copied-here")
    decided: set[str] = set()

    def looked() -> bool:
        for each in place.gateway.requests("copied-here"):
            decided.add(each["id"])
            place.gateway.decide(each["id"])
        return not asking._thread.is_alive()

    wait_for(looked, "kubectl cp")
    asking.ran().well()
    assert len(decided) == 1, "one approval for the whole of it"


def test_a_client_that_leaves_withdraws_its_request(place: KubePlace) -> None:
    place.apply(config_map("held-left", a="1"))
    with place.running("delete", "cm", "held-left", "--wait=false"):
        request = place.gateway.pending("held-left")
    wait_for(lambda: place.gateway.requests("held-left", "withdrawn"), "the withdrawal")
    assert place.gateway.decide(request["id"]).status != 200
    assert place.kubectl("get", "cm", "held-left").well()


def test_no_waiting_and_a_retry(place: KubePlace) -> None:
    place.apply(config_map("retried-deletion", a="1"))
    delete = ("delete", "cm", "retried-deletion", "--wait=false")
    assert "approv" in place.kubectl(*delete).failed()
    place.gateway.decide(place.gateway.pending("retried-deletion")["id"])
    assert "deleted" in place.kubectl(*delete).well()
