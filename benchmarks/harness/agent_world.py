"""A gateway, a PostgreSQL server, and the same server again by way of an agent: two processes that are measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from harness.wire import Wire
from tests.support.gateway import Plan, start_gateway, token_of
from tests.support.live_agent import LISTENER, start_agent
from tests.support.postgres import Server, running_postgres

_TARGET = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "{way}tcp:127.0.0.1:{port}"
database = "postgres"
login = "{user}"
secret = "env:BENCH_PASSWORD"
{tls}
groups = ["*"]
"""
_RULE = """
[[rules]]
name = "benchmark"
effect = "allow"
"""


class Processes:
    """Processes that somebody else started, counted together (proc(5))."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        tasks = (path for pid in self._pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(path.read_text().split()[0]) for path in tasks) / 1e9

    def reset_peak(self) -> None:
        """Let the peak start again from what is resident now."""
        for pid in self._pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The peaks, added."""
        return sum(_peak(pid) for pid in self._pids)


@dataclass(frozen=True, slots=True)
class Way:
    """A target of the gateway: reached directly, or by way of the agent."""

    name: str
    port: int
    target: str
    process: Processes

    def connect(self) -> Wire:
        """A raw connection, logged in."""
        return Wire("127.0.0.1", self.port, "anybody", token_of("ci"), self.target)


@contextmanager
def agent_world(rows: int) -> Iterator[tuple[Way, ...]]:
    """Start everything; the ways in pairs, without the agent and with it; first in the clear, then over TLS."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(running_postgres(17))
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(
                "create table bench_rows as select i as id, 'customer ' || i as name, repeat('x', 64) as filler"
                f" from generate_series(1, {rows}) i".encode()
            )
        plan = Plan(_plan(folder, server), {"BENCH_PASSWORD": server.password})
        gateway = start_gateway(folder / "gateway", plan)
        stack.callback(gateway.stop)
        agent = start_agent(folder / "agent", gateway, [("127.0.0.1", server.port)])
        stack.callback(agent.stop)
        agent.wait()
        alone, both = Processes(gateway.process.pid), Processes(gateway.process.pid, agent.process.pid)
        named = (
            ("hoop", "near", alone),
            ("agent", "far", both),
            ("hoop tls", "near-tls", alone),
            ("agent tls", "far-tls", both),
        )
        yield tuple(Way(name, gateway.ports["pg"], target, process) for name, target, process in named)


def _plan(folder: Path, server: Server) -> str:
    listener = LISTENER.format(folder=folder / "gateway", interface="127.0.0.1")
    full = f'tls = "verify-full"\nca = "{server.ca}"'
    ways = (("near", "", 'tls = "disable"'), ("far", "agent:office:", 'tls = "disable"'))
    over_tls = (("near-tls", "", full), ("far-tls", "agent:office:", full))
    targets = (
        _TARGET.format(name=name, way=way, port=server.port, user=server.user, tls=tls)
        for name, way, tls in (*ways, *over_tls)
    )
    return f"{listener}{''.join(targets)}{_RULE}"


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
