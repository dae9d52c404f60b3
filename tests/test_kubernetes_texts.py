"""Requests in words."""

from __future__ import annotations

import pytest

from tests.support.kube_house import reading_of

NS = "/api/v1/namespaces/shop"


@pytest.mark.parametrize(
    ("line", "action", "text"),
    [
        (f"GET {NS}/pods?limit=500", "list", f"GET {NS}/pods?limit=500"),
        (f"GET {NS}/pods?watch=1", "watch", f"GET {NS}/pods?watch=1"),
        ("GET /metrics", "get", "GET /metrics"),
        (f"POST {NS}/pods/web/attach?stdin=true", "attach", f"attach {NS}/pods/web/attach?stdin=true"),
        (f"GET {NS}/pods/web/portforward", "forward", f"forward {NS}/pods/web/portforward"),
        (f"GET {NS}/services/web/proxy/?token=abc", "proxy", f"proxy {NS}/services/web/proxy/?token=…"),
        ("GET /api/v1/nodes/n/proxy/pods", "proxy", "proxy /api/v1/nodes/n/proxy/pods"),
        (
            f"GET {NS}/pods/web/exec?command=sh&command=-c&command=rm+-rf+%2F&container=app&stdin=true&tty=1&stderr=1",
            "exec",
            "exec -n shop -c app -i -t web -- sh -c 'rm -rf /'",
        ),
        (f"POST {NS}/pods/web/exec?command=ls&stdin=0&odd=1", "exec", "exec -n shop web -- ls  (odd=1)"),
    ],
)
def test_words(line: str, action: str, text: str) -> None:
    reading = reading_of(line)
    assert (reading.action, reading.text) == (action, text)


def test_K13_credentials_in_a_query_are_not_told() -> None:
    """K13."""
    assert "hunter2" not in reading_of(f"GET {NS}/services/web/proxy/?access_token=hunter2").text
