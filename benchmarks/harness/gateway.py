"""The gateway as users run it, `twistd -n hoop --config FILE`, set up for the benchmarks."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from harness import ROOT
from harness.processes import Measured, free_port

TOKEN = "benchmark-token"  # known to a gateway on loopback that lives as long as the benchmark

_CONFIG = """
[gateway]
state = "{folder}/state"
preauth_connections = 4000
preauth_per_address = 4000

[[accounts]]
name = "bench"
token_sha256 = "{digest}"
groups = ["bench"]

[[listeners]]
name = "postgres"
protocol = "postgres"
endpoint = "tcp:{port}:interface=127.0.0.1"
certificate = "{server}/server.crt"
key = "{folder}/server.key"
tls = "optional"
{targets}
[[rules]]
name = "benchmark"
effect = "allow"
groups = ["bench"]

[[masks]]
name = "secret"
targets = ["masked"]
columns = ["public.pgbench_accounts.abalance", "public.bench_rows.email"]
strategy = "redact"
"""

_TARGET = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:{port}"
database = "bench"
login = "{login}"
secret = "env:BENCH_PASSWORD"
tls = "disable"
groups = ["bench"]
"""


class Gateway:
    """A running gateway with the targets `bench` and `masked`, the same database."""

    def __init__(
        self, folder: Path, server: Path, server_port: int, login: str, password: str, program: str = ""
    ) -> None:
        self.port = free_port()
        key = folder / "server.key"
        key.write_bytes((server / "server.key").read_bytes())
        key.chmod(0o600)
        targets = "".join(_TARGET.format(name=name, port=server_port, login=login) for name in ("bench", "masked"))
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        config = folder / "hoop.toml"
        config.write_text(_CONFIG.format(folder=folder, digest=digest, port=self.port, server=server, targets=targets))
        config.chmod(0o600)
        twistd = [program] if program else [str(Path(sys.executable).with_name("twistd"))]
        command = [sys.executable, *twistd, "-n", "--pidfile=", "hoop", "--config", str(config), "--log-level", "warn"]
        env = {"PYTHONPATH": str(ROOT), "BENCH_PASSWORD": password}
        self.process = Measured(command, folder / "hoop.log", env, str(folder))
        self.process.wait_for(self.port)
