"""From a call to its answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from twisted.logger import globalLogPublisher

from tests.support.api import Api, listening_api
from tests.support.approvals import Office
from tests.support.loop import Loop


class Broken:
    """A library with a fault in it."""

    def read(self, session: str) -> None:
        raise RuntimeError("the password is hunter2")


def test_faults_are_logged_and_not_told(office: Office, loop: Loop, tmp_path: Path) -> None:
    """R15: and the next call is answered."""
    seen: list[str] = []

    def observer(event: dict[str, object]) -> None:
        if "log_failure" in event:
            seen.append(str(event["log_failure"]))

    globalLogPublisher.addObserver(observer)  # type: ignore[arg-type]
    try:
        with listening_api(office, loop, tmp_path / "state", recordings=Broken()) as api:
            answer = api.ask("GET", "/v1/sessions/session-0001/recording", "carol")
            assert answer.status == 500 and b"hunter2" not in answer.body and b"RuntimeError" not in answer.body
            assert answer.headers["x-request-id"] in answer.json["instance"]
            assert api.ask("GET", "/v1/whoami", "carol").status == 200
    finally:
        globalLogPublisher.removeObserver(observer)  # type: ignore[arg-type]
    assert any("hunter2" in each for each in seen)


def test_an_issuer_that_cannot_be_asked_is_not_the_clients_fault(office: Office, loop: Loop, tmp_path: Path) -> None:
    with listening_api(office, loop, tmp_path / "state") as api:
        (api.state / "jwks.json").unlink()
        answer = api.ask("GET", "/v1/whoami", "alice")
        assert answer.status in (401, 503)  # never let in


def test_the_store_is_away(api: Api) -> None:
    api.loop.run(lambda: setattr(api.office.database, "_engine", None))
    answer = api.ask("GET", "/v1/approvals", "bob")
    assert answer.status == 503 and "store" in answer.json["detail"]


def test_parts_are_what_they_were(api: Api) -> None:
    assert replace(api.parts) == api.parts
