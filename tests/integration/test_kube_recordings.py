"""What a recording tells of work with kubectl: one entry before each request, one of its outcome, and streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway import token_of
from tests.support.kube.place import MASKED, KubePlace, kube_place
from tests.support.kube.samples import pod, secret

VALUE = "never to be told"


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """All that was recorded of one person at the masked target, after the gateway stopped."""
    with kube_place(tmp_path_factory.mktemp("recorded"), own=True) as place:
        place.apply(pod("box"), secret("kept", password=VALUE))
        _work(place)
        place.gateway.stop()
        found = [list(place.gateway.library.read(each.id)) for each in place.gateway.library.list(limit=100)]
        for file in place.gateway.state.rglob("*"):
            assert not file.is_file() or token_of("ci").encode() not in file.read_bytes(), file
        yield next(each for each in found if each[0]["target"] == MASKED)


def _work(place: KubePlace) -> None:
    place.kubectl("get", "secret", "kept", "-o", "yaml", target=MASKED).well()
    place.kubectl("exec", "-i", "box", "--", "sh", "-c", "cat; echo err >&2; exit 3", target=MASKED, stdin="typed\n")
    place.kubectl("get", "cm", "-n", "closed", target=MASKED)
    (place.folder / "file").write_text("content\n")
    place.kubectl("cp", str(place.folder / "file"), "box:there", target=MASKED).well()


def of(entries: list[dict[str, Any]], kind: str, text: str) -> dict[str, Any]:
    return next(each for each in entries if each["kind"] == kind and text in each["text"])


def outcome(entries: list[dict[str, Any]], command: dict[str, Any]) -> dict[str, Any]:
    return next(e for e in entries if e["kind"] == "outcome" and e["command"] == command["command"])


def test_it_is_one_session_of_one_person(entries: list[dict[str, Any]]) -> None:
    assert entries[0]["kind"] == "open" and entries[0]["principal"]["name"] == "ci"
    assert entries[-1]["kind"] == "close" and [each["n"] for each in entries] == list(range(len(entries)))
    numbers = [each["command"] for each in entries if each["kind"] == "command"]
    told = [each["command"] for each in entries if each["kind"] == "outcome"]
    assert sorted(numbers) == sorted(told), "each request has its outcome"


def test_a_request_has_its_rule_and_what_it_came_to(entries: list[dict[str, Any]]) -> None:
    command = of(entries, "command", "/secrets/kept")
    assert (command["action"], command["rule"], command["decision"]) == ("get", "usual", "allow")
    came = outcome(entries, command)
    assert came["status"] == 200 and came["masked"] >= 1 and came["bytes"] > 0 and came["seconds"] > 0
    assert VALUE not in str(entries)


def test_a_refusal_is_recorded(entries: list[dict[str, Any]]) -> None:
    refused = of(entries, "refused", "/namespaces/closed/configmaps")
    assert refused["rule"] == "closed" and refused["reason"].startswith("nobody works there")


def test_streams_of_exec_are_recorded_with_their_exit(entries: list[dict[str, Any]]) -> None:
    command = of(entries, "command", "exit 3")
    assert command["action"] == "exec"
    streams = [each for each in entries if each.get("channel") == command["channel"] and "stream" in each]
    told = {
        name: "".join(each["text"] for each in streams if each["stream"] == name)
        for name in ("stdin", "stdout", "stderr")
    }
    assert told["stdin"] == told["stdout"] == "typed\n" and told["stderr"].startswith("err\n")
    assert outcome(entries, command)["status"] == 3


def test_a_copy_is_recorded_by_path_and_digest(entries: list[dict[str, Any]]) -> None:
    assert of(entries, "command", "kubectl cp")["text"].count("there") == 1
    came = outcome(entries, of(entries, "command", "-i box -- tar"))
    assert came["status"] == 0 and len(came["written"]["sha256"]) == len(hashlib.sha256().hexdigest())
    assert came["written"]["bytes"] >= len("content\n")
