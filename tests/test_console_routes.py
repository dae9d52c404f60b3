from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.visitor import ConsoleHouse
from twisted_hoop.console.routes import Map, find, is_page, make_routes
from twisted_hoop.web.problems import Problem


class _Anything:
    """Stands for every handler: routes only carry them."""

    def __getattr__(self, name: str) -> object:
        return _Anything()


ROUTES: Map = make_routes(_Anything())  # type: ignore[arg-type]


def test_whole_pages_may_be_come_back_to() -> None:
    for path in ("/", "/approvals", "/approvals/past", "/approvals/3f1c9a77e0", "/sessions", "/may-i", "/health"):
        assert is_page(ROUTES, path)
    for path in (
        "/login",
        "/logout",
        "/approvals/list",
        "/approvals/events",
        "/sessions/3f1c9a77e0/export",
        "/x",
        "//",
    ):
        assert not is_page(ROUTES, path)


@pytest.mark.parametrize(
    "path", ["//", "/approvals/", "/approvals/short", "/approvals/%61aaaaaaaa", "/sessions/../x", "/ä", ""]
)
def test_R9_odd_paths_are_nothing(path: str) -> None:
    with pytest.raises(Problem) as caught:
        find(ROUTES, "GET", path)
    assert caught.value.status == 404


def test_methods() -> None:
    with pytest.raises(Problem) as caught:
        find(ROUTES, "GET", "/logout")
    assert caught.value.status == 405 and caught.value.headers["Allow"] == "POST"


@given(st.sampled_from(["GET", "POST", "PUT", ""]), st.text())
def test_any_path_is_a_page_or_a_problem(method: str, path: str) -> None:
    try:
        _, ids = find(ROUTES, method, path)
    except Problem as problem:
        assert problem.status in (404, 405)
    else:
        assert all(("/" not in value and "." not in value) or name == "name" for name, value in ids.items())


def test_every_page_but_the_door_asks_who_comes(console: ConsoleHouse) -> None:
    """I8."""
    for rule in ROUTES.iter_rules():
        path = rule.rule.replace("<id:ident>", "aaaaaaaaaaaa").replace("<id:version>", "aaaaaaaaaaaa")
        path = path.replace("<file:name>", "console.css").replace("<name:name>", "corp")
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        answer = console.visitor().ask(method, path, b"" if method == "POST" else None)
        if rule.endpoint.anybody:
            assert path.startswith(("/login", "/static", "/saml"))
        else:
            assert answer.status == 303 and answer.headers["location"].startswith("/login?to="), path
