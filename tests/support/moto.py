"""AWS's own interfaces as moto imitates them: S3, Secrets Manager. A server in a process and an environment of its own.

    with running_moto(folder) as moto:      # moto.endpoint; a bucket `recordings` is there
        moto.secret("shop/db", "hunter2")

moto brings botocore, which excludes the Kubernetes client that other tests need: so pip makes it a virtual environment,
once for all tests and workers of a machine, in the user's cache folder, under a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.s3 import ACCESS, BUCKET

VERSION = "5"
PATIENCE = 120.0
_LISTENS = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")


@dataclass
class Moto:
    """One that runs."""

    port: int

    @property
    def endpoint(self) -> str:
        """Where it speaks for every service of AWS."""
        return f"http://127.0.0.1:{self.port}"

    def secret(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager, or another version of it."""
        for action, key in (("CreateSecret", "Name"), ("PutSecretValue", "SecretId")):
            with contextlib.suppress(urllib.error.HTTPError):
                self.call(action, {key: name, "SecretString": value})

    def call(self, action: str, body: object) -> bytes:
        """One request to Secrets Manager; moto looks at what a signature says, not whether it is right."""
        headers = {
            "X-Amz-Target": f"secretsmanager.{action}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": _signed_for("secretsmanager"),
        }
        return self._ask(urllib.request.Request(self.endpoint, json.dumps(body).encode(), headers, method="POST"))

    def make_bucket(self) -> None:
        """The bucket that tests store recordings in."""
        headers = {"Authorization": _signed_for("s3")}
        self._ask(urllib.request.Request(f"{self.endpoint}/{BUCKET}", headers=headers, method="PUT"))

    def _ask(self, request: urllib.request.Request) -> bytes:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())


def _signed_for(service: str) -> str:
    scope = f"{ACCESS}/20260101/us-east-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"


@contextlib.contextmanager
def running_moto(folder: Path) -> Iterator[Moto]:
    """The server for the length of a block, on a port that the system chooses."""
    folder.mkdir(parents=True, exist_ok=True)
    program = _installed() / "bin" / "moto_server"
    log = (folder / "log").open("wb")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([str(program), "-H", "127.0.0.1", "-p", "0"], env=environ, stdout=log, stderr=log)
    log.close()
    try:
        moto = Moto(_port(process, folder / "log"))
        moto.make_bucket()
        yield moto
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        found = _LISTENS.search(log.read_text(errors="replace"))
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"moto does not start:\n{log.read_text(errors='replace')[-3000:]}")


def _installed() -> Path:
    """The environment, made by the first who needs it; half a one, of somebody who was killed, is made anew."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twisted-hoop"
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / f"moto-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    with (cache / "moto.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            shutil.rmtree(place, ignore_errors=True)
            venv.create(place, with_pip=True)
            install = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", f"moto[server]>={VERSION}"]
            done = subprocess.run(install, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"moto cannot be installed:\n{done.stderr[-3000:]}"
            (place / "made").touch()
    return place
