"""Locks of HTTP: an answer that streams, a connection that is kept, and requests that come later."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

from tests.support.gateway import token_of, wait_for
from tests.support.http_gateway import HttpPlace, _Api, http_gateway


class Endless(_Api):
    """Rows without end, one now and then, as a watch has them."""

    def _rows(self, count: int) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b'9\r\n{"n": 1}\n\r\n')
            time.sleep(0.05)


def visitor(place: HttpPlace) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(place.gateway.ca)
    session.headers["Authorization"] = f"Bearer {token_of('ci')}"
    return session


def refused(place: HttpPlace, session: requests.Session) -> int:
    """The status of one more request."""
    return session.get(place.url("/v1/a"), timeout=60).status_code


def test_I9_a_lock_ends_streams_and_refuses_on_connections_that_are_kept(tmp_path: Path) -> None:
    """I9: within two seconds; a connection that waits for its next request serves none."""
    with http_gateway(tmp_path) as place:
        place.api.RequestHandlerClass = Endless
        kept, streaming = visitor(place), visitor(place)
        assert refused(place, kept) == 200
        stream: Any = streaming.get(place.url("/v1/rows/1"), stream=True, timeout=60)
        lines = stream.iter_lines()
        assert next(lines) == b'{"n": 1}'
        asked = len(place.api.seen)
        gateway = place.gateway
        assert gateway.command("lock", "--target", "orders", "--reason", "stand back", who="olga").returncode == 0
        began = time.monotonic()
        try:
            for _ in lines:
                assert time.monotonic() - began < 60, "the stream goes on"
        except requests.exceptions.RequestException:
            pass
        print(f"the stream ended {time.monotonic() - began:.2f} s after the lock")
        answers = refused(place, kept), refused(place, visitor(place))
        assert all(each >= 400 for each in answers) and len(place.api.seen) == asked, answers
        assert gateway.command("unlock", "--target", "orders", who="olga").returncode == 0
        wait_for(lambda: refused(place, kept) == 200, "an open door")
        assert {each.outcome for each in gateway.library.list()} >= {"ended"}
