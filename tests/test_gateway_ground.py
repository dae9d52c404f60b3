"""What every part of a gateway stands on."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.support.composed import ground_of
from tests.support.loop import Loop
from twisted_hoop.config import load
from twisted_hoop.gateway.ground import masking_key


def test_others_are_in_force_after_a_reload(loop: Loop, tmp_path: Path) -> None:
    ground = ground_of(loop, tmp_path)
    ground.path.write_text(ground.path.read_text().replace('stop_timeout = "1s"', 'stop_timeout = "2s"'))
    assert ground.in_force().gateway.stop_timeout == 1
    loop.run(lambda: ground.replace(load(ground.path)))
    assert ground.in_force().gateway.stop_timeout == 2


def test_two_processes_have_two_names_and_one_folder(loop: Loop, tmp_path: Path) -> None:
    alone, worker = ground_of(loop, tmp_path), ground_of(loop, tmp_path, number=2)
    assert alone.alone and not worker.alone and (alone.number, worker.number) == (0, 2)
    assert alone.ident != worker.ident
    assert (alone.state, alone.masking_key) == (worker.state, worker.masking_key)
    assert alone.database.kind == "sqlite"


def test_secrets_are_of_the_environment_it_was_given(loop: Loop, tmp_path: Path) -> None:
    ground = ground_of(loop, tmp_path, environ={"KEY": "open"})
    assert loop.run(lambda: ground.secrets.resolve("env:KEY")) == "open"
    assert b"hoop_secret_leases 0.0" in ground.metrics.render()


def test_the_key_is_made_once_and_whole(tmp_path: Path) -> None:
    first = masking_key(tmp_path)
    assert len(first) == 32 and masking_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["masking.key"]
    assert stat.S_IMODE((tmp_path / "masking.key").stat().st_mode) == 0o600
