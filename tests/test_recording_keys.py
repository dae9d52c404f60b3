"""The signing key and the keys that check it."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.recording.keys import PRIVATE, PUBLIC, PublicKeys, load_signing_key, public_keys, read_public_key


def test_a_key_is_made_once_and_published(tmp_path: Path) -> None:
    first, second = load_signing_key(tmp_path), load_signing_key(tmp_path)
    assert first.id == second.id
    assert stat.S_IMODE((tmp_path / PRIVATE).stat().st_mode) == 0o600
    trusted = public_keys(tmp_path)
    assert trusted.ids == [first.id]
    assert trusted.check(first.id, first.sign(b"x"), b"x")
    assert not trusted.check(first.id, first.sign(b"x"), b"y")
    assert not trusted.check("0" * 16, first.sign(b"x"), b"x")
    assert not PublicKeys(()).check(first.id, first.sign(b"x"), b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE, PUBLIC]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_others_can_reach_is_refused_r11(tmp_path: Path, mode: int) -> None:
    """R11."""
    load_signing_key(tmp_path)
    (tmp_path / PRIVATE).chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_signing_key(tmp_path)


def test_a_replaced_key_leaves_its_public_part_behind(tmp_path: Path) -> None:
    old = load_signing_key(tmp_path)
    (tmp_path / PRIVATE).unlink()
    new = load_signing_key(tmp_path)
    assert new.id != old.id
    assert public_keys(tmp_path).ids == sorted([old.id, new.id])
    assert (tmp_path / f"recording-{old.id}.pub").exists()


def test_a_configured_key_must_be_there_and_be_ed25519(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_signing_key(state, str(tmp_path / "nowhere.pem"))
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    with pytest.raises(ConfigurationError, match="PEM private key"):
        load_signing_key(state, str(path))
    openssl(path, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    with pytest.raises(ConfigurationError, match="must be Ed25519"):
        load_signing_key(state, str(path))
    openssl(path, "genpkey", "-algorithm", "ed25519")
    assert load_signing_key(state, str(path)).id == public_keys(state).ids[0]


def openssl(path: Path, *arguments: str) -> None:
    made = subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    path.write_bytes(made.stdout)


def test_a_public_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text("hello")
    for name in ("x.pub", "y.pub"):
        with pytest.raises(ConfigurationError):
            read_public_key(tmp_path / name)
