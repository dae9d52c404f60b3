"""The composition root: what it refuses before it opens anything, and one life of a gateway inside this process."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from tests.support.composed import TEXT, made, written
from tests.support.loop import Loop
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.gateway.service import make_service
from twisted_hoop.testing import make_session


def test_every_problem_is_told_before_anything_is_opened(loop: Loop, tmp_path: Path) -> None:
    path = written(tmp_path, "[[targets]]\nname = 'x'\n[nonsense]\n")
    with pytest.raises(ConfigurationError) as caught:
        make_service(str(path), loop.reactor, {})
    assert len(caught.value.problems) > 1
    assert not (tmp_path / "state").exists()


def test_files_that_are_missing_are_told_too(loop: Loop, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(TEXT.replace('tls = "optional"', 'certificate = "nowhere.pem"\nkey = "nowhere.key"'))
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        make_service(str(path), loop.reactor, {})


def test_r11_the_state_is_for_its_owner_and_the_masking_key_stays(loop: Loop, tmp_path: Path) -> None:
    """R11: and hashes made before a restart still join with those made after it."""
    path = written(tmp_path)
    made(loop, path)
    key = tmp_path / "state" / "masking.key"
    first = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    made(loop, path)
    assert (len(first), key.read_bytes()) == (32, first)


def test_it_listens_reloads_and_stops(loop: Loop, tmp_path: Path) -> None:
    """R13: a reload that cannot be used leaves what is in force."""
    path = written(tmp_path)
    service = made(loop, path)
    loop.run(service.startService)

    async def listening() -> list[str]:
        while not service.doors.listeners.describe():
            await _pause(loop.reactor)
        return service.doors.listeners.describe()

    assert loop.run(listening)[0].startswith("pg postgres ")
    version = service.deciding.policy().version
    path.write_text(TEXT + "nonsense = 1\n")
    loop.run(service.reload)
    assert service.deciding.policy().version == version
    path.write_text(TEXT + '[[rules]]\nname = "read"\neffect = "allow"\nclasses = ["read"]\n')
    loop.run(service.reload)
    assert service.deciding.policy().version != version
    loop.run(lambda: maybeDeferred(service.stopService))
    assert service.doors.listeners.describe() == []


def _pause(reactor: IReactorTime) -> Any:
    return deferLater(reactor, 0.01)


class Handle:
    """A live session, told to end."""

    ended: tuple[str, str] = ("", "")

    def end(self, code: str, message: str) -> None:
        self.ended = code, message

    def cancel(self) -> None:
        """Nothing runs."""

    def outdated(self) -> bool:
        return False

    def activity(self) -> tuple[int, bool, bool]:
        return 0, False, False


def test_a_session_whose_log_in_ends_is_told_why(loop: Loop, tmp_path: Path) -> None:
    gateway, handle = made(loop, written(tmp_path)), Handle()
    session = make_session()
    gateway.people.sessions.open(session, handle)
    leases = gateway.ground.secrets.leases
    loop.run(lambda: leases._lost("another", "its lease is over"))
    assert handle.ended == ("", "")
    loop.run(lambda: leases._lost(session.id, "its lease is over"))
    assert handle.ended == ("57P01", "hoop: its lease is over")
