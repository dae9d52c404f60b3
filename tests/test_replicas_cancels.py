"""Cancel requests that come to another replica than the session's."""

from __future__ import annotations

from twisted_hoop.news.word import CANCEL
from twisted_hoop.replicas.cancels import TOLD_PER_SECOND, Cancels
from twisted_hoop.sessions import Sessions, key_digest
from twisted_hoop.testing import make_session


class Handle:
    """Counts what was cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    def end(self, code: str, message: str) -> None:
        """Nobody ends it."""

    def cancel(self) -> None:
        self.cancelled += 1

    def activity(self) -> tuple[int, bool, bool]:
        return 0, False, False

    def outdated(self) -> bool:
        return False


class Wire:
    """News between two that hear each other at once."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def tell(self, kind: str, value: str = "") -> None:
        self.told.append((kind, value))

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""


def replica(now: list[float]) -> tuple[Cancels, Sessions, Wire]:
    sessions, wire = Sessions(), Wire()
    return Cancels(sessions, wire, lambda: now[0]), sessions, wire


def opened(sessions: Sessions) -> tuple[Handle, int, bytes]:
    handle, session = Handle(), make_session()
    sessions.open(session, handle)
    return handle, *sessions.issue_key(session.id, 4)


def test_p6_a_session_here_is_cancelled_and_nobody_is_told() -> None:
    cancels, sessions, wire = replica([0.0])
    handle, pid, key = opened(sessions)
    assert cancels.cancel(pid, key)
    assert (handle.cancelled, wire.told) == (1, [])


def test_p6_a_session_elsewhere_is_cancelled_by_its_digest_alone() -> None:
    """P6: the key itself is told to nobody."""
    here, _, wire = replica([0.0])
    there, sessions, _ = replica([0.0])
    handle, pid, key = opened(sessions)
    assert here.cancel(pid, key)
    ((kind, digest),) = wire.told
    assert kind == CANCEL and key.hex() not in digest and str(pid) not in digest
    there.heard(digest)
    assert handle.cancelled == 1


def test_p6_a_wrong_key_cancels_nothing_anywhere() -> None:
    cancels, sessions, wire = replica([0.0])
    handle, pid, key = opened(sessions)
    cancels.cancel(pid, bytes(4))
    for _, digest in wire.told:
        cancels.heard(digest)
    cancels.heard(key_digest(pid + 1, key))
    cancels.heard("")
    assert handle.cancelled == 0


def test_p6_keys_of_sessions_that_are_over_are_forgotten() -> None:
    cancels, sessions, _ = replica([0.0])
    handle, pid, key = opened(sessions)
    sessions.close(make_session().id)
    cancels.heard(key_digest(pid, key))
    assert handle.cancelled == 0 and not sessions._digests


def test_p6_guessing_makes_no_storm() -> None:
    now = [0.0]
    cancels, _, wire = replica(now)
    assert sum(cancels.cancel(number, b"abcd") for number in range(1, 1000)) == TOLD_PER_SECOND == len(wire.told)
    now[0] = 1.5
    assert cancels.cancel(1, b"abcd")
