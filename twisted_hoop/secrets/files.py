"""Secrets in files. Blocking: called in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.secrets.secret import Secret

MAX_SIZE = 64 * 1024
_Check = Callable[[Path, os.stat_result, int], None]


def read_secret_file(path: Path) -> Secret:
    """The file's text without the newline at its end, or SecretUnavailable.

    R11: what others can read is no secret; what others own can be swapped under us. The check is made on the open file.
    """
    return _text(path, _content(path, _check))


def read_token_file(path: Path) -> Secret:
    """The same for a token that Kubernetes puts into a pod's file system: its mode and owner are the kubelet's."""
    return Secret(_text(path, _content(path, _check_kind)).strip())


def read_credential(environ: Mapping[str, str], name: str) -> Secret:
    """One of systemd's credentials (systemd.exec(5), LoadCredential=): a file in $CREDENTIALS_DIRECTORY."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise SecretUnavailable("CREDENTIALS_DIRECTORY is not set: systemd gave this service no credentials")
    return read_secret_file(Path(folder) / name)


def _content(path: Path, check: _Check) -> bytes:
    try:
        # Not blocking: a FIFO in the file's place must not hold the thread.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            check(path, os.fstat(descriptor), descriptor)
            return os.read(descriptor, MAX_SIZE + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SecretUnavailable(f"secret file {path}: {error.strerror}") from None


def _check(path: Path, status: os.stat_result, descriptor: int) -> None:
    _check_kind(path, status, descriptor)
    if open_to_others(status.st_mode, descriptor):
        raise SecretUnavailable(f"secret file {path} can be read by others: chmod 600 it (R11)")
    if status.st_uid not in (os.geteuid(), 0):
        raise SecretUnavailable(f"secret file {path} belongs to somebody else (R11)")


def _check_kind(path: Path, status: os.stat_result, descriptor: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretUnavailable(f"secret file {path} is no regular file")
    if status.st_size > MAX_SIZE:
        raise SecretUnavailable(f"secret file {path} is larger than {MAX_SIZE} bytes")


def _text(path: Path, data: bytes) -> Secret:
    try:
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"secret file {path} is not UTF-8") from None
    if not text or "\0" in text or len(data) > MAX_SIZE:
        raise SecretUnavailable(f"secret file {path} is empty, too large or binary")
    return Secret(text)
