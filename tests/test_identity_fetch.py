"""Fetching issuers' documents: bounded, verified, never redirected. Against a real web server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.web.http import Request

from tests.support.loop import Loop, running_loop
from tests.support.web import Web, never, running_web
from twisted_hoop.demo import certificates
from twisted_hoop.errors import ConfigurationError, IssuerUnavailable
from twisted_hoop.identity.fetch import MAX_BODY, Fetcher, is_safe


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture
def web(loop: Loop) -> Iterator[Web]:
    with running_web(loop) as running:
        yield running


def get(loop: Loop, url: str, ca: str = "", timeout: float = 5.0) -> bytes:
    return loop.run(lambda: Fetcher(loop.reactor, ca, timeout).get(url))


def test_a_document_is_fetched_whole(loop: Loop, web: Web) -> None:
    web.answers["/a"] = b"x" * MAX_BODY
    assert get(loop, web.url + "/a") == b"x" * MAX_BODY


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 404, 500])
def test_only_200_counts_and_nothing_is_followed(loop: Loop, web: Web, status: int) -> None:
    def redirect(request: Request) -> bytes:
        request.setResponseCode(status)
        request.setHeader(b"Location", web.url.encode() + b"/elsewhere")
        return b""

    web.answers["/a"] = redirect
    with pytest.raises(IssuerUnavailable, match=str(status)):
        get(loop, web.url + "/a")
    assert web.hits == {"/a": 1}


def test_size_is_capped_while_it_comes_in(loop: Loop, web: Web) -> None:
    web.answers["/a"] = b"x" * (MAX_BODY + 1)
    with pytest.raises(IssuerUnavailable, match="too large"):
        get(loop, web.url + "/a")


def test_time_is_capped(loop: Loop, web: Web) -> None:
    def half(request: Request) -> int:
        request.write(b"half")
        return never(request)

    web.answers.update({"/silent": never, "/half": half})
    for path in ("/silent", "/half"):
        started = time.perf_counter()
        with pytest.raises(IssuerUnavailable):
            get(loop, web.url + path, timeout=0.2)
        assert time.perf_counter() - started < 2.0


def test_nobody_there(loop: Loop) -> None:
    with pytest.raises(IssuerUnavailable):
        get(loop, "http://127.0.0.1:1/")


def test_tls_is_verified_against_the_given_ca(loop: Loop, tmp_path: Path) -> None:
    for folder in ("ours", "foreign"):
        certificates.make_ca(tmp_path / folder)
    pair = certificates.issue(tmp_path / "ours", ["localhost"])
    with running_web(loop, pair, "localhost") as web:
        web.answers["/a"] = b"ok"
        assert get(loop, web.url + "/a", str(tmp_path / "ours/ca.pem")) == b"ok"
        for ca in (str(tmp_path / "foreign/ca.pem"), ""):
            with pytest.raises(IssuerUnavailable):
                get(loop, web.url + "/a", ca)
        with pytest.raises(IssuerUnavailable):  # the certificate is for localhost
            get(loop, web.url.replace("localhost", "127.0.0.1") + "/a", str(tmp_path / "ours/ca.pem"))
    assert web.hits == {"/a": 1}


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.org/x",
        "http://127.0.0.1:8081",
        "http://localhost",
        "http://[::1]:80/",
        "http://127.9.9.9",
    ],
)
def test_safe_addresses(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "http://127.0.0.1@evil.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://",
        "",
        "http://[::1",
        "https://\u00e4.example",
    ],
)
def test_unsafe_addresses_are_never_asked(loop: Loop, url: str) -> None:
    assert not is_safe(url)
    with pytest.raises(IssuerUnavailable, match="neither https nor loopback"):
        get(loop, url)


def test_a_ca_that_is_none_is_refused_at_load(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for name in ("missing", "empty", "broken"):
        with pytest.raises(ConfigurationError):
            get(loop, "https://x", str(tmp_path / name))


def test_forms_are_posted_and_errors_come_back_with_their_body(loop: Loop, web: Web) -> None:
    seen: list[tuple[bytes, object]] = []

    def token(request: Request) -> bytes:
        seen.append((request.content.read(), request.getHeader("authorization")))
        request.setResponseCode(400)
        return b'{"error": "invalid_grant"}'

    web.answers["/token"] = token
    form = {"grant_type": "authorization_code", "code": "a b&c=ü"}
    answer = loop.run(lambda: Fetcher(loop.reactor).post(web.url + "/token", form, "Basic eDp5"))
    assert answer == (400, b'{"error": "invalid_grant"}')
    assert seen == [(b"grant_type=authorization_code&code=a+b%26c%3D%C3%BC", "Basic eDp5")]
    with pytest.raises(IssuerUnavailable, match="neither https nor loopback"):
        loop.run(lambda: Fetcher(loop.reactor).post("http://issuer.example/token", form))
