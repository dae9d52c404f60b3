"""Requests to what gives secrets: whom they reach, how long they take, how much they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.asking import MAX_BODY, Asker, Trust, is_safe, refused
from twisted_hoop.transport import server_endpoint


def ask(loop: Loop, url: str, trust: Trust | None = None, timeout: float = 20.0, body: bytes = b"") -> Any:
    asker = Asker(loop.reactor, lambda: trust or Trust(), timeout, "the provider")
    return loop.run(lambda: asker.ask("POST" if body else "GET", url, {"X-Token": "hunter2"}, body))


def test_a_request_with_and_without_a_body(loop: Loop) -> None:
    with running_web(loop) as web:
        web.answers["/echo"] = lambda request: request.content.read() + request.getHeader("x-token").encode()
        assert ask(loop, f"{web.url}/echo") == (200, b"hunter2")
        assert ask(loop, f"{web.url}/echo", body=b"{}") == (200, b"{}hunter2")
        assert ask(loop, f"{web.url}/none") == (404, b"no")


def test_R11_redirects_are_answers(loop: Loop) -> None:
    """R11: whoever can answer in the provider's place must not send our token on to another host."""
    with running_web(loop) as web:

        def redirect(request: Any) -> bytes:
            request.redirect(web.url.encode() + b"/elsewhere")
            return b""

        web.answers["/here"] = redirect
        status, _ = ask(loop, f"{web.url}/here")
        assert status == 302 and web.hits["/elsewhere"] == 0


def test_R11_a_certificate_for_another_name_or_of_another_authority(loop: Loop, tmp_path: Path) -> None:
    """R11: the token goes to whom it is for, or nowhere."""
    ours, theirs = (make_ca(tmp_path / name).read_text() for name in ("ours", "theirs"))
    pair = issue(tmp_path / "ours", ["vault.internal"])
    right = issue(tmp_path / "ours", ["127.0.0.1"])
    with running_web(loop, tls=right) as web:
        web.answers["/x"] = b"it"
        assert ask(loop, f"{web.url}/x", Trust(ours)) == (200, b"it")
        for trust in (Trust(theirs), Trust()):
            with pytest.raises(SecretUnavailable) as caught:
                ask(loop, f"{web.url}/x", trust)
            assert caught.value.passing
        assert web.hits["/x"] == 1
    with running_web(loop, tls=pair) as web:
        web.answers["/x"] = b"it"
        with pytest.raises(SecretUnavailable):
            ask(loop, f"{web.url}/x", Trust(ours))
        assert web.hits["/x"] == 0


def test_a_large_answer_is_not_read_to_its_end(loop: Loop) -> None:
    with running_web(loop) as web:
        web.answers["/x"] = b" " * (MAX_BODY + 1)
        with pytest.raises(SecretUnavailable, match="too large"):
            ask(loop, f"{web.url}/x")


class Slow(Protocol):
    """Says a little and no more."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhun")


def test_a_slow_server_is_given_up(loop: Loop) -> None:
    endpoint = server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1")
    port: Any = loop.run(lambda: endpoint.listen(Factory.forProtocol(Slow)))
    try:
        with pytest.raises(SecretUnavailable, match="does not answer") as caught:
            ask(loop, f"http://127.0.0.1:{port.getHost().port}/x", timeout=0.3)
        assert caught.value.passing and "hun" not in str(caught.value)
    finally:
        loop.run(port.stopListening)


def test_what_is_no_certificate() -> None:
    for ca, own in (("x", ""), ("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", ""), ("", "x")):
        with pytest.raises(ValueError, match=r"PEM|no certificate"):
            Trust(ca, own)


def test_which_statuses_pass() -> None:
    assert [refused("x", status).passing for status in (400, 403, 404, 302, 429, 500, 503)] == [False] * 4 + [True] * 3
    assert "x: status 404" in str(refused("x", 404))


def test_addresses_that_tokens_go_to() -> None:
    assert all(map(is_safe, ("https://vault:8200", "http://127.0.0.1", "http://localhost:1", "http://[::1]:8200")))
    assert not any(map(is_safe, ("http://vault:8200", "vault", "", "ftp://127.0.0.1", "http://127.0.0.1@evil")))
