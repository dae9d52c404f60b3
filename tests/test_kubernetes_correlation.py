"""Which requests are one deed to people."""

from __future__ import annotations

import pytest

from tests.support.kube_house import head_of, kube_dialect

RUN = "0b1f3c5e-1111-2222-3333-444455556666"
EXEC = "/api/v1/namespaces/shop/pods/web/exec?command=ls&stdout=true"


def key(line: str, kubectl_session: str = "") -> str:
    dialect = kube_dialect()
    return dialect.read(head_of(line, kubectl_session=kubectl_session)).key


def test_a_websocket_and_its_second_try_over_spdy_are_one() -> None:
    first = kube_dialect()
    tries = [
        first.read(head_of(f"GET {EXEC}", upgrade=b"websocket", kubectl_session=RUN)),
        first.read(head_of(f"POST {EXEC}", b"", upgrade=b"spdy/3.1", kubectl_session=RUN)),
    ]
    assert tries[0].key == tries[1].key != ""
    assert (tries[0].text, tries[0].facts, tries[0].action) == (tries[1].text, tries[1].facts, tries[1].action)
    assert tries[0].text == "exec -n shop web -- ls"


def test_another_run_another_command_and_no_run_share_nothing() -> None:
    one = key(f"GET {EXEC}", kubectl_session=RUN)
    assert one != key(f"GET {EXEC}", kubectl_session=RUN[::-1])
    assert one != key(f"GET {EXEC}&tty=true", kubectl_session=RUN)
    assert key(f"GET {EXEC}") == ""


@pytest.mark.parametrize("line", ["POST /api/v1/namespaces", "DELETE /api/v1/namespaces/a", "PATCH /api/v1/nodes/n",
                                  "POST /api/v1/namespaces/a/serviceaccounts/b/token",
                                  "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"])  # fmt: skip
def test_A4_writes_are_never_shared(line: str) -> None:
    """A4: an approval for one use is for one write."""
    assert key(line, kubectl_session=RUN) == ""


@pytest.mark.parametrize("session", ["", "short", "x" * 65, "a b c d e f g h", "<script>alert</script>"])
def test_odd_sessions_are_none(session: str) -> None:
    assert key(f"GET {EXEC}", kubectl_session=session) == ""


def test_reads_of_one_run_are_shared() -> None:
    assert key("GET /api/v1/pods", kubectl_session=RUN) == f"{RUN} /api/v1/pods?"
