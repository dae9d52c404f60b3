"""Object storage as the configuration names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from twisted_hoop.archive.opening import open_storage
from twisted_hoop.archive.storage import MIB, StorageFault
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.settings import StorageSection


def test_a_folder(tmp_path: Path) -> None:
    storage = open_storage(StorageSection(url=f"file://{tmp_path}/copies", segment=2), "", "")
    file = tmp_path / "a"
    file.write_bytes(b"recorded")
    storage.keep(file, "2026/11/22/a.hoop")
    assert (tmp_path / "copies/2026/11/22/a.hoop").read_bytes() == b"recorded" and storage.segment == 2 * MIB


def test_s3_that_is_not_there_is_a_fault_when_it_is_used(tmp_path: Path) -> None:
    section = StorageSection(url="s3://b/p", endpoint="http://127.0.0.1:9", region="r")
    storage = open_storage(section, "key", "secret")
    file = tmp_path / "a"
    file.write_bytes(b"recorded")
    with pytest.raises(StorageFault) as caught:
        storage.keep(file, "a.hoop")
    assert "secret" not in str(caught.value)


def test_what_is_no_storage() -> None:
    with pytest.raises(ConfigurationError, match=r"recording\.storage"):
        open_storage(StorageSection(url="nonsense://x"), "", "")
