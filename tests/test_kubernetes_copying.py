"""kubectl cp is one deed."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.support.kube_house import head_of, kube_dialect
from twisted_hoop.http.messages import RequestHead
from twisted_hoop.kubernetes.dialect import KubernetesDialect

RUN = "0b1f3c5e-1111-2222-3333-444455556666"


def step(*argv: str, method: str = "GET", session: str = RUN, command: str = "kubectl cp", **more: str) -> RequestHead:
    query = urlencode([*(("command", word) for word in argv), ("container", more.get("container", "app"))])
    pod = more.get("pod", "web")
    line = f"{method} /api/v1/namespaces/shop/pods/{pod}/exec?{query}"
    return head_of(line, kubectl_session=session, kubectl_command=command)


def keys(*heads: RequestHead, dialect: KubernetesDialect | None = None) -> list[str]:
    at = dialect or kube_dialect()
    return [at.read(head).key for head in heads]


@pytest.mark.parametrize(
    ("destination", "tar"),
    [
        ("/tmp/x", ("tar", "-xmf", "-", "-C", "/tmp")),
        ("/tmp/x", ("tar", "-xmf", "-", "-C", "/tmp/x")),
        ("/tmp/x/", ("tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-", "-C", "/tmp/x")),
        ("x", ("tar", "-xmf", "-", "-C", ".")),
    ],
)
def test_both_commands_share_a_verdict_over_both_transports(destination: str, tar: tuple[str, ...]) -> None:
    look = ("test", "-d", destination)
    found = keys(step(*look), step(*look, method="POST"), step(*tar), step(*tar, method="POST"))
    assert len(set(found)) == 1 and found[0]


def test_who_agrees_to_the_look_agrees_to_the_tar_and_is_told_so() -> None:
    reading = kube_dialect().read(step("test", "-d", "/tmp/x"))
    assert reading.text == "exec -n shop -c app web -- test -d /tmp/x, then tar -xmf - -C /tmp (kubectl cp)"
    assert {program for facts in reading.facts for program in facts["program"]} == {"test", "tar"}
    assert any("/tmp" in facts.get("path", ()) for facts in reading.facts)


def test_A4_nothing_else_is_let_in_with_it() -> None:
    """A4: other places, containers, pods, runs and commands share nothing with what was agreed to."""
    dialect = kube_dialect()
    (agreed,) = keys(step("test", "-d", "/tmp/x"), dialect=dialect)
    tar = ("tar", "-xmf", "-", "-C")
    for other in (
        step(*tar, "/"), step(*tar, "/etc"), step(*tar, "/tmp/x/y"), step(*tar, "/tmp", container="other"),
        step(*tar, "/tmp", pod="db"), step(*tar, "/tmp", session=RUN[::-1]), step(*tar, "/tmp", session=""),
        step(*tar, "/tmp", command="kubectl exec"), step("tar", "-xPf", "-", "-C", "/tmp"), step("rm", "-C", "/tmp"),
        step("tar", "-xmf", "-"), step("x"),
    ):  # fmt: skip
        assert dialect.read(other).key != agreed
    assert keys(step("test", "-d", "/etc/x"), step(*tar, "/tmp"), dialect=dialect)[1] != agreed, "another copy began"


def test_what_does_not_say_it_is_a_copy_is_a_command_like_others() -> None:
    reading = kube_dialect().read(step("test", "-d", "/tmp/x", command="kubectl exec"))
    assert reading.text == "exec -n shop -c app web -- test -d /tmp/x" and len(reading.facts) == 1
