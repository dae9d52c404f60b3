"""The API server as tests have it: started, asked what it saw, and what reaches it (kubeconfigs)."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted_hoop.demo.certificates import issue, make_ca

_REPOSITORY = Path(__file__).parents[3]
ADMIN_TOKEN = "token-of-the-administrator"
TOKENS: Mapping[str, tuple[str, list[str]]] = {
    ADMIN_TOKEN: ("gateway", ["system:masters"]),
    "token-of-vera": ("vera", ["viewers"]),
}


@dataclass
class ApiServer:
    """A running one. `gateway.pem` and `gateway.key` in its folder are a client certificate of an administrator."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    token: str = ADMIN_TOKEN
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """Who signed its certificate."""
        return self.folder / "ca.pem"

    def seen(self, path: str = "", event: str = "asked") -> list[dict[str, Any]]:
        """Requests that came, those whose path contains `path`; another process writes them, so wait for them.

        Each has method, target (as sent), path, headers (pairs), body, caller, user, groups, extra; `event="done"`
        are those that were answered, with status.
        """
        whole, _, _ = (self.folder / "requests.jsonl").read_text().rpartition("\n")
        lines = (json.loads(line) for line in whole.split("\n") if line)
        return [each for each in lines if each["event"] == event and path in each["path"]]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request past everything, as the administrator; the answer's JSON."""
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, given)
            return json.loads(connection.getresponse().read() or b"null")

    def kubeconfig(self, name: str = "direct", url: str = "", ca: Path | None = None, token: str = "") -> Path:
        """A kubeconfig, of this server or of a gateway before it."""
        return write_kubeconfig(self.folder / f"{name}.kubeconfig", url or self.url, ca or self.ca, token or self.token)

    def stop(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def write_kubeconfig(file: Path, url: str, ca: Path, token: str, namespace: str = "default") -> Path:
    """A kubeconfig with one cluster, its CA and a token. JSON is YAML."""
    cluster = {"name": "c", "cluster": {"server": url, "certificate-authority": str(ca)}}
    user = {"name": "u", "user": {"token": token}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u", "namespace": namespace}}
    head = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}
    file.write_text(json.dumps({**head, "clusters": [cluster], "users": [user], "contexts": [context]}))
    file.chmod(0o600)
    return file


def start_api_server(folder: Path) -> ApiServer:
    """Start one in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    make_ca(folder)
    issue(folder, ["localhost", "127.0.0.1"])
    issue(folder, ["gateway"], client=True)
    (folder / "tokens.json").write_text(json.dumps(dict(TOKENS)))
    (folder / "requests.jsonl").touch()
    command = [sys.executable, "-m", "tests.support.kube.server", str(folder)]
    pipe = subprocess.PIPE
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdin=pipe, stdout=pipe, stderr=log, env=environ)
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    if not line.startswith("port="):
        process.wait()
        raise AssertionError(f"the API server does not start:\n{(folder / 'log').read_text()[-4000:]}")
    return ApiServer(folder, process, int(line.partition("=")[2]))


@contextlib.contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """An API server for the length of a `with` block."""
    server = start_api_server(folder)
    try:
        yield server
    finally:
        server.stop()
