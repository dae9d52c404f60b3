"""A small client of the API for the command line: urllib, one request at a time, no redirects.

The token goes to the address the user named and nowhere else, and never in the clear over a network.
"""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import click

from twisted_hoop.cli.exits import REFUSED, UNAUTHENTICATED, UNREACHABLE, CommandFailed

TIMEOUT = 30.0
MAX_ANSWER = 64 * 1024 * 1024
_PIECE = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Api:
    """The API at `url`. `ca` is a PEM file when its certificate is not from a CA the system knows."""

    def __init__(self, url: str, token: str = "", ca: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._opener = make_opener(_checked(self._url), ca)

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return self._json(self._open("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON, get JSON."""
        return self._json(self._open("POST", path, json.dumps(body).encode()))

    def form(self, path: str, fields: list[tuple[str, str]]) -> Any:
        """Send a form, get JSON."""
        body = urlencode(fields).encode("ascii")
        return self._json(self._open("POST", path, body, "application/x-www-form-urlencoded"))

    def lines(self, path: str) -> Iterator[str]:
        """The lines of an answer that may be long."""
        with self._open("GET", path) as answer:
            rest = b""
            while piece := _piece(answer, _PIECE):
                *whole, rest = (rest + piece).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in whole)
            if rest:
                yield rest.decode("utf-8", "replace")

    def stream(self, path: str) -> Iterator[str]:
        """The lines of an answer that goes on: each as it comes. CommandFailed (UNREACHABLE) when it ends."""
        answer = self._open("GET", path)
        return _as_they_come(answer)

    def _json(self, answer: HTTPResponse) -> Any:
        with answer:
            data = _piece(answer, MAX_ANSWER)
        try:
            return json.loads(data)
        except ValueError as fault:
            raise CommandFailed(f"{self._url} does not answer like a hoop gateway") from fault

    def _open(self, method: str, path: str, body: bytes | None = None, media: str = "application/json") -> HTTPResponse:
        request = Request(self._url + path, data=body, method=method)  # noqa: S310 - the scheme was checked
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", media)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as fault:
            raise _refused(fault) from None
        except (URLError, OSError, HTTPException) as fault:
            raise CommandFailed(f"{self._url}: {getattr(fault, 'reason', fault)}", UNREACHABLE) from fault
        except ValueError as fault:  # http.client on a token with a newline in it
            raise click.UsageError("the token cannot be sent: is there a newline in it?") from fault
        return answer


def _as_they_come(answer: HTTPResponse) -> Iterator[str]:
    rest = b""
    with answer:
        while True:
            try:
                piece = answer.read1(_PIECE)
            except (OSError, HTTPException) as fault:
                raise CommandFailed(f"the connection broke: {fault}", UNREACHABLE) from fault
            if not piece:
                raise CommandFailed("the gateway ended the connection", UNREACHABLE)
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)


def _piece(answer: HTTPResponse, size: int) -> bytes:
    """Up to `size` bytes. An answer that ends before its end is an error: http.client alone would not always say so."""
    try:
        data = answer.read(size)
    except (OSError, HTTPException) as fault:
        raise CommandFailed(f"the answer was cut short: {fault}", UNREACHABLE) from fault
    if len(data) < size and answer.length:
        raise CommandFailed(f"the answer was cut short: {answer.length} bytes are missing", UNREACHABLE)
    return data


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never: the token is not for anybody else."""


def checked_id(ident: str) -> str:
    """An id as the API takes them, fit to stand in a path; UsageError otherwise."""
    if _ID.fullmatch(ident) is None:
        raise click.UsageError(f"{ident!r} is not an id")
    return ident


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(f"--url: {url!r} is not an http or https address")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise click.UsageError("--url: tokens are sent over https only, but for this machine itself")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine; no name is looked up."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def make_opener(parts: SplitResult, ca: str) -> OpenerDirector:
    """How that address is reached: no redirects, and no proxy towards this machine itself."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as fault:
        raise click.UsageError(f"--ca: {fault}") from fault
    handlers: list[Any] = [_NoRedirect(), HTTPSHandler(context=context)]
    if is_loopback(parts.hostname or ""):
        handlers.append(ProxyHandler({}))  # a proxy would be another machine
    return build_opener(*handlers)


def _refused(fault: HTTPError) -> CommandFailed:
    """The API's problem details as a message; a 401 and a 503 have exit codes of their own."""
    try:
        problem = json.loads(fault.read(65536))
        detail = str(problem.get("detail") or problem.get("error_description") or problem.get("title") or fault.reason)
        lines = [str(line) for line in problem.get("errors", ())]
    except (ValueError, AttributeError, OSError, HTTPException):
        detail, lines = str(fault.reason), []
    code = {401: UNAUTHENTICATED, 503: UNREACHABLE}.get(fault.code, REFUSED)
    return CommandFailed("\n".join([f"{detail} (HTTP {fault.code})", *lines]), code)
