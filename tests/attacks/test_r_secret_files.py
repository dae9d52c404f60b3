"""R11: a credential store read by others."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.loop import Loop, running_loop
from tests.support.web import running_web
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.files import read_secret_file
from twisted_hoop.secrets.store import SecretStore


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_R11_a_file_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("hunter2")
    path.chmod(mode)
    with pytest.raises(SecretUnavailable, match="by others") as caught:
        read_secret_file(path)
    assert "hunter2" not in str(caught.value)
    path.chmod(0o400)
    assert read_secret_file(path) == "hunter2"


def test_R11_a_link_does_not_hide_the_mode(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SecretUnavailable, match="by others"):
        read_secret_file(tmp_path / "link")


def test_R11_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    started = time.perf_counter()
    for path in (tmp_path / "fifo", tmp_path / "folder", Path("/dev/zero")):
        with pytest.raises(SecretUnavailable):
            read_secret_file(path)
    assert time.perf_counter() - started < 1.0


def test_R11_no_error_carries_the_secret(loop: Loop, tmp_path: Path) -> None:
    """Every way a lookup can fail, with the secret or the Vault token near by; the whole traceback is searched."""
    (tmp_path / "open").write_text("hunter2")
    (tmp_path / "open").chmod(0o644)
    with running_web(loop) as web:
        web.answers["/v1/kv/data/text"] = b"hunter2"
        web.answers["/v1/kv/data/list"] = b'{"data": {"data": {"f": ["hunter2"]}}}'
        web.answers["/v1/kv/data/refused"] = (403, b"hunter2")
        store = SecretStore(loop.reactor, {"VAULT_ADDR": web.url, "VAULT_TOKEN": "hunter2"}, root=tmp_path)
        references = ["file:open", "env:NONE", "vault:kv/text#f", "vault:kv/list#f", "vault:kv/refused#f", "hunter2"]
        for reference in references:
            with pytest.raises(SecretUnavailable) as caught:
                loop.run(lambda reference=reference: store.resolve(reference))
            shown = "".join(traceback.format_exception(caught.value, chain=True))
            assert "hunter2" not in str(caught.value)
            assert "hunter2" not in shown.replace('"hunter2"', "")  # this file's own source lines


def test_R11_the_store_shows_no_secret_when_it_is_printed(loop: Loop, tmp_path: Path) -> None:
    store = SecretStore(loop.reactor, {"PASSWORD": "hunter2"}, root=tmp_path)
    secret = loop.run(lambda: store.resolve("env:PASSWORD"))
    assert secret == "hunter2"
    assert "hunter2" not in repr(store) and "hunter2" not in repr(vars(store._kept))
