"""Which URL is whose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.api import Api
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.routes import find, make_routes
from twisted_hoop.web.ways import Ways


@pytest.fixture
def routes(api: Api) -> Any:
    return make_routes(api.parts, api.loop.reactor)


def status(routes: Any, method: str, path: str) -> int:
    try:
        find(routes, method, path)
    except Problem as problem:
        return problem.status
    return 200


def test_known_paths_and_methods(routes: Any) -> None:
    assert status(routes, "GET", "/v1/approvals") == status(routes, "HEAD", "/healthz") == 200
    assert status(routes, "POST", "/v1/approvals/aaaaaaaa/approve") == 200
    endpoint, ids = find(routes, "GET", "/v1/sessions/session_-1/recording")
    assert ids == {"ident": "session_-1"} and endpoint.access == "bearer"


def test_wrong_methods_say_which_are_right(routes: Any) -> None:
    with pytest.raises(Problem) as caught:
        find(routes, "GET", "/v1/approvals/aaaaaaaa/approve")
    assert caught.value.status == 405 and caught.value.headers["Allow"] == "POST"


def test_nothing_that_concerns_somebody_is_open(routes: Any) -> None:
    """I8: every other route asks for a token."""
    open_ones = {rule.rule for rule in routes.iter_rules() if rule.endpoint.access != "bearer"}
    # Slack's callbacks prove themselves by a signature (A9).
    # An exchange asks for its tokens in the form (RFC 8693); keys and metadata are public.
    issuer = {"/oauth/token", "/oauth/keys"}
    issuer |= {f"/.well-known/{name}" for name in ("openid-configuration", "oauth-authorization-server")}
    process, told = {"/healthz", "/readyz", "/metrics"}, {"/v1/login", "/v1/ssh/authorities", "/v1/openapi.json"}
    assert open_ones == process | told | issuer | {"/v1/slack/actions"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "//healthz",
        "/healthz/",
        "/v1/approvals/short",
        "/v1/approvals/" + "a" * 65,
        "/v1/../healthz",
    ],
)
def test_nothing_redirects_and_nothing_is_guessed(routes: Any, path: str) -> None:
    assert status(routes, "GET", path) == 404


@given(st.text())
def test_any_path_is_an_endpoint_or_a_problem(routes_of_module: Any, path: str) -> None:
    assert status(routes_of_module, "GET", path) in (200, 404, 405)


@pytest.fixture(scope="module")
def routes_of_module() -> Any:
    from types import SimpleNamespace

    return make_routes(SimpleNamespace(desk=None, ways=Ways(Settings, lambda: RulePolicy(Settings())), feed=None), None)  # type: ignore[arg-type]


def test_every_route_is_documented(routes: Any) -> None:
    page = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
    documented = set(re.findall(r"`(GET|POST) (/[^ `]*)`", page))
    routed = {
        (method, rule.rule.replace("<id:ident>", "{id}"))
        for rule in routes.iter_rules()
        for method in rule.methods - {"HEAD"}
    }
    assert documented == routed
