"""Secrets in files. The checks of modes are in attacks/test_r_secret_files.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.files import MAX_SIZE, read_credential, read_secret_file, read_token_file


def written(folder: Path, data: bytes) -> Path:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 ", " hunter2 "),
        ("p\u00e4ss".encode(), "p\u00e4ss"),
    ],
)
def test_the_text_without_its_last_newline(tmp_path: Path, data: bytes, text: str) -> None:
    assert read_secret_file(written(tmp_path, data)) == text


@pytest.mark.parametrize("data", [b"", b"\n", b"hunter2\0", b"\xff\xfehunter2", b"hunter2" * MAX_SIZE])
def test_what_is_no_secret_is_refused_without_being_quoted(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        read_secret_file(written(tmp_path, data))
    assert "hunter2" not in str(caught.value) and "secret file" in str(caught.value)


def test_a_link_is_followed_as_kubernetes_needs_it(tmp_path: Path) -> None:
    written(tmp_path, b"hunter2")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    assert read_secret_file(tmp_path / "link") == "hunter2"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="No such file"):
        read_secret_file(tmp_path / "missing")


def test_what_systemd_hands_over(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("hunter2\n")
    (tmp_path / "db").chmod(0o400)
    assert read_credential({"CREDENTIALS_DIRECTORY": str(tmp_path)}, "db") == "hunter2"
    for environ, why in (({}, "not set"), ({"CREDENTIALS_DIRECTORY": "/nowhere"}, "No such file")):
        with pytest.raises(SecretUnavailable, match=why):
            read_credential(environ, "db")


def test_a_pods_token_may_be_readable_by_all_but_is_a_file(tmp_path: Path) -> None:
    """The kubelet makes it so, and links lead to it."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("t0ken\n")
    (tmp_path / "token").symlink_to("..data/token")
    (tmp_path / "token").chmod(0o644)
    assert read_token_file(tmp_path / "token") == "t0ken"
    with pytest.raises(SecretUnavailable):
        read_token_file(tmp_path)
