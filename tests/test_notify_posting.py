"""POSTs to a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.web import never, running_web
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.notify.posting import Poster


def post(loop: Loop, url: str, timeout: float = 10.0, ca: str = "") -> None:
    loop.run(lambda: Poster(loop.reactor, ca, timeout).post(url, b'{"a":1}', {"Content-Type": "application/json"}))


def failure(loop: Loop, url: str, **more: Any) -> NoticeUndelivered:
    with pytest.raises(NoticeUndelivered) as caught:
        post(loop, url, **more)
    assert url not in str(caught.value)
    return caught.value


def test_the_body_and_its_headers_arrive(loop: Loop) -> None:
    seen: list[tuple[bytes, Any]] = []

    def answer(request: Any) -> bytes:
        seen.append((request.content.read(), request.getHeader("content-type")))
        return b"ok" * 100_000  # nobody reads it

    with running_web(loop) as web:
        web.answers["/hook"] = answer
        post(loop, f"{web.url}/hook")
    assert seen == [(b'{"a":1}', "application/json")]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (404, True), (410, True), (429, False), (500, False), (503, False)],
)
def test_what_is_worth_trying_again(loop: Loop, status: int, permanent: bool) -> None:
    with running_web(loop) as web:
        web.answers["/hook"] = (status, b"no")
        assert failure(loop, f"{web.url}/hook").permanent is permanent


def test_it_waits_as_long_as_it_is_told(loop: Loop) -> None:
    def answer(request: Any) -> bytes:
        request.setResponseCode(429)
        request.setHeader("Retry-After", request.args[b"in"][0])
        return b""

    with running_web(loop) as web:
        web.answers["/hook"] = answer
        for said, seconds in (("30", 30.0), ("99999", 3600.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("-1", 0.0)):
            assert failure(loop, f"{web.url}/hook?in={said.replace(' ', '+')}").after == seconds


def test_redirects_are_not_followed(loop: Loop) -> None:
    def answer(request: Any) -> bytes:
        request.redirect(b"/other")
        return b""

    with running_web(loop) as web:
        web.answers["/hook"] = answer
        assert failure(loop, f"{web.url}/hook").permanent
        assert web.hits["/other"] == 0


def test_a_server_that_says_nothing_or_is_not_there(loop: Loop) -> None:
    with running_web(loop) as web:
        web.answers["/hook"] = never
        assert not failure(loop, f"{web.url}/hook", timeout=0.3).permanent
        url = web.url
    assert not failure(loop, f"{url}/hook").permanent


def test_tls_is_verified(loop: Loop, tmp_path: Path) -> None:
    make_ca(tmp_path)
    issue(tmp_path, ["localhost", "127.0.0.1"])
    pair = (tmp_path / "localhost.pem", tmp_path / "localhost.key")
    with running_web(loop, tls=pair, host="localhost") as web:
        web.answers["/hook"] = b"ok"
        failure(loop, f"{web.url}/hook")
        post(loop, f"{web.url}/hook", ca=str(tmp_path / "ca.pem"))
        assert web.hits["/hook"] == 1


def test_nothing_is_sent_in_the_clear_to_another_machine(loop: Loop) -> None:
    assert failure(loop, "http://hooks.example.com/x").permanent
