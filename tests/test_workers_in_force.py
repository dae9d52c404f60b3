"""Settings that workers are given by their parent."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.config import load
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.workers.in_force import read_settings, write_settings

EXAMPLE = Path(__file__).parent.parent / "etc" / "hoop.toml"


def test_R13_they_are_the_same_settings_in_a_file_for_their_owner(tmp_path: Path) -> None:
    """R13, R11."""
    settings = load(EXAMPLE)
    settings = settings.model_copy(update={"gateway": settings.gateway.model_copy(update={"state": str(tmp_path)})})
    path = write_settings(settings)
    assert write_settings(settings) == path and read_settings(path) == settings
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


@given(data=st.binary(max_size=200))
def test_anything_else_is_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Settings or ConfigurationError."""
    path = tmp_path_factory.getbasetemp() / "in-force"
    path.write_bytes(data)
    try:
        read_settings(path)
    except ConfigurationError:
        return
    assert data.strip() == b"{}"


def test_a_file_that_is_gone_is_one_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_settings(tmp_path / "gone")
