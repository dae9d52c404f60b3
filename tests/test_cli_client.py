"""The client: where the token goes, and what comes back as which exit code."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.api import RECORDED, listening_api
from tests.support.api import Api as Server
from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.cli.client import Api, checked_id
from twisted_hoop.cli.exits import REFUSED, UNAUTHENTICATED, UNREACHABLE, CommandFailed
from twisted_hoop.demo.certificates import issue, make_ca


def code(work: Any) -> int:
    with pytest.raises(CommandFailed) as caught:
        work()
    return caught.value.exit_code


def test_get_post_and_lines(api: Server) -> None:
    client = Api(api.url + "/", api.token("carol"))
    assert client.get("/v1/whoami")["subject"] == "carol"
    assert len(list(client.lines(f"/v1/sessions/{RECORDED}/recording"))) == 3
    assert code(lambda: client.post("/v1/approvals/aaaaaaaa/deny", {})) == REFUSED


def test_exit_codes(api: Server) -> None:
    assert code(lambda: Api(api.url).get("/v1/whoami")) == UNAUTHENTICATED
    assert code(lambda: Api(api.url, "wrong").get("/v1/whoami")) == UNAUTHENTICATED
    assert code(lambda: Api(api.url, api.token("bob")).get("/nowhere")) == REFUSED
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert code(lambda: Api(f"http://127.0.0.1:{port}").get("/v1/whoami")) == UNREACHABLE
    api.loop.run(lambda: setattr(api.office.database, "_engine", None))
    assert code(lambda: Api(api.url).get("/healthz")) == UNREACHABLE


def test_over_tls_with_a_ca_of_ones_own(office: Office, loop: Loop, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path / "ca", ["127.0.0.1"])
    ca = make_ca(tmp_path / "ca")
    with listening_api(office, loop, tmp_path / "state", (ca, certificate, key)) as api:
        assert Api(api.url, api.token("bob"), str(ca)).get("/v1/whoami")["subject"] == "bob"
        assert code(lambda: Api(api.url, api.token("bob")).get("/v1/whoami")) == UNREACHABLE  # not trusted


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hoop",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://gateway.example",
        "http://10.0.0.1",
    ],
)
def test_tokens_do_not_leave_in_the_clear(url: str) -> None:
    with pytest.raises(click.UsageError):
        Api(url, "secret")


@contextmanager
def _server(status: int, headers: dict[str, str], body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that says one thing; the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_redirects_are_not_followed() -> None:
    """The token is for the address that was named."""
    with _server(200, {}, b"{}") as (other, others), _server(302, {"Location": other + "/stolen"}, b"") as (url, _):
        assert code(lambda: Api(url, "secret").get("/v1/whoami")) == REFUSED
        assert others == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff"])
def test_answers_that_are_no_json(body: bytes) -> None:
    with _server(200, {}, body) as (url, _):
        assert code(lambda: Api(url).get("/")) == REFUSED
    with _server(500, {}, body) as (url, _):
        assert code(lambda: Api(url).get("/")) == REFUSED


def test_an_answer_that_is_cut_short() -> None:
    """A recording that breaks off must not look like one that ended."""
    for headers, body in (({"Content-Length": "100"}, b"{}"), ({"Transfer-Encoding": "chunked"}, b"3\r\n{}\n\r\n")):
        with _server(200, headers, body) as (url, _):
            assert code(lambda url=url: Api(url).get("/")) == UNREACHABLE
            assert code(lambda url=url: list(Api(url).lines("/"))) == UNREACHABLE


def test_a_message_of_the_server_cannot_play_with_the_terminal() -> None:
    """R6."""
    body = b'{"detail": "\\u001b]0;evil\\u0007", "errors": ["\\u202e"]}'
    with _server(403, {}, body) as (url, _), pytest.raises(CommandFailed) as caught:
        Api(url).get("/")
    assert "\x1b" not in caught.value.message and "\u202e" not in caught.value.message


def test_a_token_with_a_newline_is_a_usage_error(api: Server) -> None:
    with pytest.raises(click.UsageError):
        Api(api.url, "a\nb: c").get("/v1/whoami")


@given(st.text())
def test_ids_are_ids(text: str) -> None:
    """R9: nothing else becomes part of a path."""
    with suppress(click.UsageError):
        assert checked_id(text) == text and "/" not in text and "." not in text
