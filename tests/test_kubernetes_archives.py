"""Files of a tar that streams by: what tarfile writes is told, wherever it is cut, and anything else does no harm."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes import archives
from twisted_hoop.kubernetes.archives import Archive

LONG = "a/" + "long/" * 60 + "näme.txt"
FORMATS = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)


def packed(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of them, with a folder and a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(link)
    return out.getvalue()


def seen(data: bytes, size: int = 10_000) -> Archive:
    """What is told of a stream that comes in such pieces."""
    archive = Archive()
    for at in range(0, len(data), size):
        archive.feed(data[at : at + size])
    return archive


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", [1, 511, 512, 10_000])
def test_files_are_told(form: int, size: int) -> None:
    files = {"one": b"x" * 1300, "none": b"", "two": b"y" * 512}
    if form != tarfile.USTAR_FORMAT:
        files[LONG] = b"z"
    archive = seen(packed(files, form), size)
    expected: list[dict[str, object]] = [{"path": "folder/"}]
    expected += [{"path": n, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()]
    assert archive.told() == {"files": [*expected, {"path": "link", "link": "/etc/shadow"}]}


@pytest.mark.parametrize("form", FORMATS[:2])
def test_long_targets_of_links_are_told(form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers={"comment": "of all"}) as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, LONG
        tar.addfile(link)
    assert seen(out.getvalue()).told() == {"files": [{"path": "link", "link": LONG}]}


def test_many_files_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    archive = seen(packed({f"f{n}": b"x" for n in range(10)}))
    assert len(archive.files) == 3 and archive.told()["more_files"] == 9


def test_a_prefix_belongs_to_the_name() -> None:
    name = "p" * 90 + "/" + "n" * 90
    archive = seen(packed({name: b"x"}, tarfile.USTAR_FORMAT))
    assert archive.files[1]["path"] == name


def test_what_is_no_tar_is_not_followed() -> None:
    archive = seen(b"\x1f\x8b" + bytes(range(256)) * 8)
    assert archive.told() == {"files": [], "not_followed": True}


@given(st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=6), st.integers(1, 5000))
def test_damage_does_no_harm(changes: list[tuple[int, int]], size: int) -> None:
    data = bytearray(packed({"one": b"x" * 700, LONG: b"y"}))
    for place, value in changes:
        data[place] = value
    archive = seen(bytes(data), size)
    assert archive.count >= len(archive.files)


@given(st.binary(max_size=1500))
def test_anything_does_no_harm(data: bytes) -> None:
    assert seen(data, 700).count >= 0
