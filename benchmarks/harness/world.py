"""What is compared: PostgreSQL directly, and the same server through each proxy there is."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from harness.gateway import TOKEN, Gateway
from harness.processes import Measured, free_port
from harness.wire import Wire
from tests.support.postgres import Server, running_postgres


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to the server. `process` is the proxy between, None for direct; `tls` a CA file, "" for clear text."""

    name: str
    port: int
    user: str
    password: str
    database: str
    process: Measured | None = None
    tls: str = ""

    def connect(self) -> Wire:
        """A raw connection, logged in."""
        return Wire(
            "localhost" if self.tls else "127.0.0.1", self.port, self.user, self.password, self.database, self.tls
        )

    def environment(self) -> dict[str, str]:
        """For libpq's programs."""
        mode = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": self.tls} if self.tls else {"PGSSLMODE": "disable"}
        where = {"PGHOST": "localhost" if self.tls else "127.0.0.1", "PGPORT": str(self.port)}
        who = {"PGUSER": self.user, "PGPASSWORD": self.password, "PGDATABASE": self.database}
        return {**os.environ, **where, **who, **mode, "PGGSSENCMODE": "disable", "PGHOSTADDR": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class World:
    """The server, every variant, the rows of the bulk table, and what is missing."""

    server: Server
    variants: tuple[Variant, ...]
    rows: int
    missing: tuple[str, ...]
    folder: Path

    @contextmanager
    def alone(self, name: str) -> Iterator[Variant]:
        """A variant with a proxy process of its own, which nobody has used: its memory is not shaped by others."""
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            made = [_dumb(self.server, folder, stack)] if name == "dumb proxy" else _hoop(self.server, folder, stack)
            yield next(variant for variant in made if variant.name == name)

    def named(self, *names: str) -> list[Variant]:
        """The variants of these names that exist, in this order."""
        found = {variant.name: variant for variant in self.variants}
        return [found[name] for name in names if name in found]


UNRECORDED = str(Path(__file__).with_name("unrecorded.py"))
UNSEARCHED = str(Path(__file__).with_name("unsearched.py"))


@contextmanager
def world(rows: int, sessions: int) -> Iterator[World]:
    """Start everything; stop and remove everything at the end."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hoop-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(running_postgres(17, [f"max_connections={sessions + 100}"]))
        _fill(server, rows)
        variants, missing = [_direct(server), _direct(server, tls=True)], []
        pooler = _pgbouncer(server, folder, stack)
        if pooler is None:
            missing.append("PgBouncer is not on PATH: its rows are left out")
        variants += [v for v in (pooler, _dumb(server, folder, stack), _bare(server, folder, stack)) if v is not None]
        variants += _hoop(server, folder, stack)
        yield World(server, tuple(variants), rows, tuple(missing), folder)


def _fill(server: Server, rows: int) -> None:
    dsn = server.create_database("bench")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84));"
            "create table pgbench_branches (bid int primary key, bbalance int, filler char(88));"
            "insert into pgbench_branches values (1, 0, '');"
            "insert into pgbench_accounts select i, 1, 0, '' from generate_series(1, 100000) i;"
            "create table bench_rows (id int, name text, email text, amount numeric)"
        )
        connection.execute(
            "insert into bench_rows select i, 'customer ' || i, 'customer' || i || '@example.com', i / 100.0"
            f" from generate_series(1, {rows}) i".encode()
        )
        connection.execute("vacuum analyze")


def _direct(server: Server, tls: bool = False) -> Variant:
    name = "direct tls" if tls else "direct"
    return Variant(name, server.port, server.user, server.password, "bench", None, server.ca if tls else "")


def _dumb(server: Server, folder: Path, stack: ExitStack) -> Variant:
    return _relay("dumb proxy", "relay.py", server, folder, stack)


def _bare(server: Server, folder: Path, stack: ExitStack) -> Variant:
    return _relay("bare relay", "bare.py", server, folder, stack)


def _relay(name: str, program: str, server: Server, folder: Path, stack: ExitStack) -> Variant:
    port = free_port()
    script = str(Path(__file__).with_name(program))
    process = Measured([sys.executable, script, str(port), str(server.port)], folder / f"{program}.log")
    stack.callback(process.stop)
    process.wait_for(port)
    return Variant(name, port, server.user, server.password, "bench", process)


def without(name: str, program: str, world: World, folder: Path, stack: ExitStack) -> Variant:
    """A gateway that lacks something, UNRECORDED or UNSEARCHED: what that costs is the difference."""
    server = world.server
    folder.mkdir(parents=True)
    gateway = Gateway(folder, server.folder, server.port, server.user, server.password, program)
    stack.callback(gateway.process.stop)
    return Variant(name, gateway.port, "bench", TOKEN, "bench", gateway.process, "")


def _hoop(server: Server, folder: Path, stack: ExitStack) -> list[Variant]:
    gateway = Gateway(folder, server.folder, server.port, server.user, server.password)
    stack.callback(gateway.process.stop)

    def variant(name: str, target: str, tls: str = "") -> Variant:
        return Variant(name, gateway.port, "bench", TOKEN, target, gateway.process, tls)

    return [variant("hoop", "bench"), variant("hoop masked", "masked"), variant("hoop tls", "bench", server.ca)]


def _pgbouncer(server: Server, folder: Path, stack: ExitStack) -> Variant | None:
    program = shutil.which("pgbouncer")
    if program is None:
        return None
    port, config = free_port(), folder / "pgbouncer.ini"
    users = folder / "users.txt"
    users.write_text(f'"{server.user}" "{server.password}"\n')
    config.write_text(
        f"[databases]\nbench = host=127.0.0.1 port={server.port} dbname=bench\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = scram-sha-256\nauth_file = {users}\n"
        "pool_mode = session\ndefault_pool_size = 100\nmax_client_conn = 3000\nunix_socket_dir =\n"
        "ignore_startup_parameters = extra_float_digits\nlog_connections = 0\nlog_disconnections = 0\n"
    )
    if os.geteuid() == 0:  # it refuses to run as root
        for path in (folder, config, users):
            shutil.chown(path, "nobody")
    command = [program, "-u", "nobody", str(config)] if os.geteuid() == 0 else [program, str(config)]
    process = Measured(command, folder / "pgbouncer.log")
    stack.callback(process.stop)
    process.wait_for(port)
    return Variant("pgbouncer", port, server.user, server.password, "bench", process)
