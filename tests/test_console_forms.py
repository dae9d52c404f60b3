from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import BOB
from twisted_hoop.console.forms import FORM, asked, back_path, form_of, options
from twisted_hoop.console.visits import Visit
from twisted_hoop.model import Peer
from twisted_hoop.web.calls import Call
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import ApprovalQuery

ORIGIN = "https://hoop.example"
VISIT = Visit(BOB, "the-token", 0.0, 0.0)


def call(body: bytes = b"csrf=the-token&a=1", query: dict[str, list[str]] | None = None, **headers: Any) -> Call:
    given = {
        "origin": ORIGIN,
        "content-type": FORM,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    sent = {name: [value] for name, value in given.items() if value is not None}
    return Call("POST", "/x", query or {}, sent, body, Peer("127.0.0.1"), True, "id")


def test_a_form_of_ours_is_read() -> None:
    assert form_of(call(b"csrf=the-token&comment=a+%E2%9C%93%0D%0Ab&empty="), VISIT, ORIGIN) == {
        "comment": "a ✓\nb",
        "empty": "",
    }
    assert form_of(call(sec_fetch_site="same-origin"), VISIT, ORIGIN) == {"a": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": None},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": ORIGIN + ".evil.example"},
        {"origin": ORIGIN + ":8443"},
        {"origin": ORIGIN.replace("https", "http")},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
    ],
)
def test_forms_of_other_pages_are_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        form_of(call(**headers), VISIT, ORIGIN)
    assert caught.value.status == 403


@pytest.mark.parametrize("body", [b"a=1", b"csrf=&a=1", b"csrf=another", b"csrf=the-toke", b"csrf=%C3%BC"])
def test_forms_without_the_visits_token_are_refused(body: bytes) -> None:
    with pytest.raises(Problem, match="another visit"):
        form_of(call(body), VISIT, ORIGIN)


@pytest.mark.parametrize(
    "body", [b"csrf=the-token&a=1&a=2", b"csrf=the-token&a=%FF", b"\xff", b"&".join([b"a=1"] * 99)]
)
def test_forms_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        form_of(call(body), VISIT, ORIGIN)
    assert caught.value.status in (400, 403)


def test_only_forms_are_forms() -> None:
    with pytest.raises(Problem) as caught:
        form_of(call(content_type="text/plain"), VISIT, ORIGIN)
    assert caught.value.status == 415


@given(st.binary())
def test_any_body_is_fields_or_a_problem(body: bytes) -> None:
    try:
        found = form_of(call(body), VISIT, ORIGIN)
    except Problem:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in found.items())


@pytest.mark.parametrize(
    "path", ["/", "/approvals", "/approvals/3f1c9a77e0b2", "/sessions?who=a%20b&state=live&from=2027-01-31", "/may-i"]
)
def test_our_own_pages_may_be_come_back_to(path: str) -> None:
    assert back_path(path, True) == path
    assert back_path(path, False) == "/"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/%2f/evil.example",
        "/approvals\r\nSet-Cookie: a=b",
        "/approvals\n",
        "/approvals#@evil",
        "/approvals/../../x",
        "/a?b=<script>",
        "/@evil.example",
        "/.evil.example",
        "/a?" + "x" * 2000,
        "/ä",
    ],
)
def test_open_redirects(path: str) -> None:
    """I7."""
    assert back_path(path, True) == "/"


@given(st.text())
def test_whatever_is_come_back_to_is_a_path_of_this_host(text: str) -> None:
    """I7."""
    found = back_path(text, True)
    assert found.startswith("/") and not found.startswith(("//", "/\\")) and found.isascii() and found.isprintable()


def test_parameters_of_the_query() -> None:
    assert asked(call(query={"a": ["1"]}), "a") == "1" and asked(call(), "a") == ""
    for values in (["1", "2"], ["x" * 201]):
        with pytest.raises(Problem):
            asked(call(query={"a": values}), "a")


def test_a_query_becomes_its_model() -> None:
    query = {"state": ["denied"], "target": [""], "aside": ["1"]}
    found = options(call(query=query), ApprovalQuery, {"limit": 7}, besides=("aside",))
    assert (found.state, found.target, found.limit) == ("denied", "", 7)
    with pytest.raises(Problem, match="state"):
        options(call(query={"state": ["x"]}), ApprovalQuery, {})
    with pytest.raises(Problem, match="nothing"):
        options(call(query={"nothing": ["x"]}), ApprovalQuery, {})
