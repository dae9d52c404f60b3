"""What requests do, for rules: facts, and the rules of people over them."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_house import allowing, denying, effect, head_of, reading_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.facts import argv_of, facts_of, flagged, is_shell, named
from twisted_hoop.kubernetes.requests import KubeRequest, read_request
from twisted_hoop.model import Facts
from twisted_hoop.policy.reasons import no_rule
from twisted_hoop.shell.reader import ShellReader

NS = "/api/v1/namespaces/shop"
EXEC = f"{NS}/pods/web/exec?container=app&stdout=true"


def request_of(line: str) -> KubeRequest:
    head = head_of(line)
    return read_request(head.method, head.path, head.query)


def facts(line: str) -> dict[str, str]:
    (found,) = facts_of(request_of(line), line.partition(" ")[0], ShellReader())
    return {name: " ".join(sorted(values)) for name, values in found.items()}


def test_facts_of_a_resource() -> None:
    assert facts(f"GET {NS}/secrets/s3") == {
        "class": "read", "verb": "get", "resource": "secrets", "api_group": "core", "method": "GET",
        "namespace": "shop", "name": "s3",
    }  # fmt: skip
    assert facts("PATCH /apis/apps/v1/namespaces/shop/deployments/web/scale?dryRun=All") == {
        "class": "write", "verb": "patch", "resource": "deployments.apps/scale", "api_group": "apps", "method": "PATCH",
        "namespace": "shop", "name": "web", "flag": "dry-run",
    }  # fmt: skip


def test_a_collection_is_about_whatever_it_may_hold() -> None:
    everything = facts("GET /api/v1/secrets")
    assert everything["namespace_glob"] == everything["name_glob"] == "**" and everything["namespace"] == "*"
    assert "namespace" not in facts("GET /api/v1/nodes"), "nodes lie in no namespace"
    assert "namespace" not in facts("GET /api/v1/persistentvolumes?watch=1")
    assert facts("GET /apis/example.com/v1/things")["namespace_glob"] == "**", "nobody knows"
    one = facts(f"GET {NS}/secrets?fieldSelector=metadata.name%3Ds3")
    assert one["name"] == "s3" and "name_glob" not in one
    assert facts("GET /api/v1/watch/secrets")["namespace_glob"] == "**"
    assert facts(f"POST {NS}/secrets")["name_glob"] == "**", "the body tells, or nobody does"


def test_facts_of_a_path() -> None:
    assert facts("GET /metrics") == {"class": "read", "verb": "get", "method": "GET", "path": "/metrics"}


def test_K5_exec_is_the_same_by_get_and_by_post() -> None:
    """K5: the method is no fact of it."""
    assert facts(f"GET {EXEC}&command=ls") == facts(f"POST {EXEC}&command=ls")
    assert facts(f"GET {NS}/pods/web/attach") == facts(f"POST {NS}/pods/web/attach")


def exec_facts(*argv: str) -> tuple[Facts, ...]:
    query = "&".join(f"command={quote_plus(word)}" for word in argv)
    return facts_of(request_of(f"GET {EXEC}&{query}"), "GET", ShellReader())


def test_an_argument_vector_is_read_by_the_shell_room() -> None:
    found = exec_facts("sh", "-c", "cat /etc/passwd | tee /tmp/x")
    assert {program for each in found for program in each["program"]} == {"sh", "cat", "tee"}
    assert all(each["resource"] == frozenset({"pods/exec"}) and each["name"] == frozenset({"web"}) for each in found)
    (one,) = exec_facts("rm", "-rf", "/var/lib; echo x")
    assert one["argument"] == frozenset({"-rf", "/var/lib; echo x"}), "no shell reads it, so it is one word"


def test_an_interactive_shell_is_one() -> None:
    for argv in (("sh",), ("/bin/bash", "-il"), ("zsh", "--login")):
        assert is_shell(argv) and exec_facts(*argv)[0]["class"] == frozenset({"shell"})
    for line in ("bash -c ls", "bash x.sh", "ls", "sh -x"):
        assert not is_shell(tuple(line.split()))
    assert "dynamic" in exec_facts("bash", "-x")[0]["class"] or "unknown" in exec_facts("bash", "-x")[0]["class"]


def test_K14_one_command_and_one_container() -> None:
    """K14: repeated `command=` is one argument vector, in its order; a second container is refused."""
    assert argv_of(request_of(f"GET {EXEC}&command=a&command=b&command=a")) == ("a", "b", "a")
    for line in (f"{EXEC}&command=ls&container=b", f"{NS}/pods/web/exec?container=b", f"{EXEC}&command=ls&stdout=0",
                 f"{EXEC}&command={'x' * 70_000}"):  # fmt: skip
        with pytest.raises(ProtocolError):
            argv_of(request_of(f"GET {line}"))
            argv_of(request_of(f"POST {line}"))


def test_bodies_correct_facts() -> None:
    (base,) = facts_of(request_of(f"POST {NS}/pods"), "POST", ShellReader())
    assert named(base, "web")["name"] == frozenset({"web"}) and "name_glob" not in named(base, "web")
    assert flagged(flagged(base, True), False) == base


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=5))
def test_any_argument_vector_has_facts(argv: list[str]) -> None:
    found = reading_of(f"GET {NS}/pods/web/exec?" + "&".join(f"command={quote_plus(word)}" for word in argv).replace(
        "%00", "")).facts  # fmt: skip
    assert found and all(each["class"] for each in found)


# -- rules --------------------------------------------------------------------------------------------------------

READS = allowing(classes=["read"], verbs=["get", "list", "watch"], namespaces=["shop"])


def test_a_rule_that_permits_covers_everything() -> None:
    assert effect(READS, f"GET {NS}/pods") == "allow"
    assert effect(READS, "GET /api/v1/pods") == "deny", "over all namespaces"
    assert effect(READS, "GET /api/v1/nodes") == "deny", "in no namespace"
    assert effect(allowing(namespaces=[".*", ""]), "GET /api/v1/nodes") == "allow"
    assert effect(allowing(namespaces=[".*"]), "GET /api/v1/pods") == "allow"
    assert effect(allowing(names=["web"]), f"GET {NS}/pods") == "deny"
    assert effect(allowing(names=["web"]), f"GET {NS}/pods?fieldSelector=metadata.name%3Dweb") == "allow"
    assert effect(allowing(resources=["pods"]), f"GET {NS}/pods/web/log") == "deny"
    assert effect(allowing(resources=["pods(/log)?"]), f"GET {NS}/pods/web/log") == "allow"


def test_a_rule_that_forbids_is_met_by_whatever_may_be_meant() -> None:
    for line in ("GET /api/v1/secrets", "GET /api/v1/watch/secrets", "DELETE /api/v1/secrets"):
        assert effect(denying(namespaces=["kube-system"]), line) == "deny"
        assert effect(denying(names=["prod-db"]), line) == "deny"
    assert effect(denying(namespaces=["kube-system"]), "GET /api/v1/nodes") == "allow"
    assert effect(denying(namespaces=["kube-system"]), f"GET {NS}/secrets") == "allow"
    assert effect(denying(names=["prod-db"]), f"POST {NS}/secrets", b'{"metadata":{"name":"prod-db"}}') == "deny"
    assert effect(denying(names=["prod-db"]), f"POST {NS}/secrets", b'{"metadata":{"name":"x"}}') == "allow"
    assert effect(denying(names=["prod-db"]), f"POST {NS}/secrets", b"k8s\x00unread") == "deny"
    assert effect(denying(resources=["pods"]), f"GET {NS}/pods/web/log") == "deny"


def test_the_refusal_says_what_was_asked() -> None:
    (asked,) = facts_of(request_of("GET /api/v1/secrets"), "GET", ShellReader())
    assert no_rule(asked, "").reason == "no rule allows read (list) of secrets in all namespaces"
    (asked,) = facts_of(request_of(f"GET {NS}/secrets/s3"), "GET", ShellReader())
    assert no_rule(asked, "").reason == "no rule allows read (get) of secrets s3 in namespace shop"
