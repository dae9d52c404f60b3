"""psycopg with libpq 18's OAUTHBEARER (RFC 7628), as a program: the token comes of a device flow or of the environment.

    python oauth_client.py CONNINFO      # prints one line of JSON: what the server said, and what the client was told

libpq asks this program for a token by its hook (PQsetAuthDataHook). With HOOP_TOKEN set that is the answer; otherwise
the device flow (RFC 8628) of the provider is carried out, whose address libpq got from the server.
"""

from __future__ import annotations

import ctypes
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import psycopg_binary

BEARER_TOKEN = 1


class Request(ctypes.Structure):
    """PGoauthBearerRequest (libpq-oauth)."""

    _fields_ = (
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    )


Hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def fetched(url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON at a URL; a form is posted."""
    context = ssl.create_default_context(cafile=os.environ["HOOP_TEST_CA"])
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with urllib.request.urlopen(url, data, timeout=10, context=context) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))


def device_flow(configuration_url: str) -> str:
    """RFC 8628 from the discovery document to the token."""
    configuration = fetched(configuration_url)
    device = fetched(configuration["device_authorization_endpoint"], {"client_id": "test", "scope": "openid"})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    for _ in range(10):
        answer = fetched(configuration["token_endpoint"], {**form, "client_id": "test"})
        if "access_token" in answer:
            return str(answer["access_token"])
        time.sleep(0.1)
    raise RuntimeError(f"no token: {answer}")


def main(conninfo: str) -> None:
    """Connect, and say how it went."""
    told: dict[str, Any] = {}
    kept: list[Any] = []

    def hook(kind: int, connection: int, data: int) -> int:
        if kind != BEARER_TOKEN:
            return 0
        request = ctypes.cast(data, ctypes.POINTER(Request)).contents
        told["configuration"] = (request.openid_configuration or b"").decode()
        told["scope"] = (request.scope or b"").decode()
        token = os.environ.get("HOOP_TOKEN") or device_flow(told["configuration"])
        kept.append(token.encode())
        request.token = kept[-1]
        return 1

    folder = Path(psycopg_binary.__file__).parent.parent / "psycopg_binary.libs"
    library = ctypes.CDLL(str(next(folder.glob("libpq-*"))))
    called = Hook(hook)
    library.PQsetAuthDataHook(called)
    try:
        with psycopg.connect(conninfo) as connection:
            told["answer"] = connection.execute("select 'in'").fetchone()
    except psycopg.OperationalError as error:
        told["error"] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
