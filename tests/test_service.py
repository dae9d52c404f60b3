"""The composition root: what it refuses before it opens anything, and one life of a gateway inside this process."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from tests.support.loop import Loop
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.service import GatewayService, make_service

TEXT = """\
[gateway]
state = "state"
stop_timeout = "1s"
[[listeners]]
name = "pg"
protocol = "postgres"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "optional"
[[issuers]]
name = "corp"
issuer = "https://issuer.test"
audience = ["hoop"]
jwks = "jwks.json"
"""


def written(folder: Path, more: str = "") -> Path:
    path = folder / "hoop.toml"
    path.write_text(TEXT + more)
    (folder / "jwks.json").write_text('{"keys": []}')
    return path


def made(loop: Loop, path: Path) -> GatewayService:
    parent: Any = loop.run(lambda: make_service(str(path), loop.reactor, {}))
    service: GatewayService = parent.getServiceNamed("hoop")
    return service


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
        while not service.listeners.describe():
            await _pause(loop.reactor)
        return service.listeners.describe()

    assert loop.run(listening)[0].startswith("pg postgres ")
    version = service.policy().version
    path.write_text(TEXT + "nonsense = 1\n")
    loop.run(service.reload)
    assert service.policy().version == version
    path.write_text(TEXT + '[[rules]]\nname = "read"\neffect = "allow"\nclasses = ["read"]\n')
    loop.run(service.reload)
    assert service.policy().version != version
    loop.run(lambda: maybeDeferred(service.stopService))
    assert service.listeners.describe() == []


def _pause(reactor: IReactorTime) -> Any:
    return deferLater(reactor, 0.01)
