"""What the attacks on a live gateway share: a shop under masks behind a gateway, and every form of a masked value."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.plans import target
from tests.support.gateway import Gateway, Plan, running_gateway, token_of
from tests.support.postgres import Server, load_shop
from tests.support.wire import Wire, logged_in

LOGIN, PASSWORD = "attacked", "password-of-the-attacked"
EVERYTHING = '[[rules]]\nname = "everything"\neffect = "allow"\n'
"""What an allow rule that names nothing permits."""
EVERYTHING_AT_ALL = (
    EVERYTHING + 'classes = ["read", "write", "ddl", "privilege", "session", "transaction", "administration",'
    ' "maintenance", "notify", "copy-in", "copy-out", "large-object", "function-call", "dynamic", "unknown", "execute",'
    ' "cursor"]\n'
)
"""All but files and programs of the server, and how text is read: only masks protect."""
MASKS = """
[[masks]]
name = "cards"
except_groups = ["dba"]
columns = ['.*\\.card_number']
strategy = "redact"
[[masks]]
name = "numbers"
except_groups = ["dba"]
columns = ['public\\.customers\\.ssn']
[[masks]]
name = "keys"
except_groups = ["dba"]
columns = ['.*\\.api_keys\\.data']
"""


@dataclass(frozen=True)
class Attacked:
    """A database of its own behind a gateway of its own."""

    server: Server
    gateway: Gateway
    database: str
    plan: Plan

    def direct(self, user: str = LOGIN, password: str = PASSWORD) -> str:
        """Past the gateway, as the role it logs in as."""
        return self.server.dsn_for(self.database, user, password)

    def superuser(self, sql: str) -> list[Any]:
        """One statement of the database's administrator."""
        return self.server.run(sql, self.database)

    def wire(self, who: str = "ci", where: str = "shop", **more: Any) -> contextlib.AbstractContextManager[Wire]:
        """A raw connection that is logged in."""
        return logged_in(self.gateway.ports["pg"], where, token_of(who), **more)

    def connect(self, who: str = "ci", where: str = "shop", more: str = "") -> psycopg.Connection[Any]:
        """A psycopg connection in autocommit."""
        dsn = self.gateway.dsn(where, who, more=f"sslmode=disable {more}")
        return psycopg.connect(dsn, autocommit=True)


@contextlib.contextmanager
def attacked(
    server: Server, folder: Path, rules: str = EVERYTHING, masks: str = MASKS, more: str = "", **limits: str
) -> Iterator[Attacked]:
    """A gateway before a database of its own. `more` are further targets; {server} in it is "host:port"."""
    database = f"attacked_{folder.name.replace('-', '_')}".lower()
    server.create_login(LOGIN, PASSWORD)
    server.run(f"create database {database} owner {LOGIN}")
    server.run(f"alter schema public owner to {LOGIN}", database)
    load_shop(server.dsn_for(database, LOGIN, PASSWORD))
    targets = target("shop", server, database, LOGIN, **limits) + more.format(server=f"{server.host}:{server.port}")
    plan = Plan(targets + rules + masks, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(folder, plan) as gateway:
        yield Attacked(server, gateway, database, plan)


def secrets_of(dsn: str) -> frozenset[bytes]:
    """Every masked value of a shop, and forms of it that no accident produces."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select card_number from customers union all select ssn from customers").fetchall()
        keys = connection.execute("select data ->> k from api_keys, unnest(array['key', 'secret']) k").fetchall()
    return frozenset(form for (value,) in (*rows, *keys) if value for form in _forms(str(value)))


def _forms(value: str) -> set[bytes]:
    bare = value.replace("-", "")
    plain = {value, value.upper(), value[::-1], bare, bare[::-1], " ".join(bare), "-".join(bare), ",".join(bare)}
    found = {each.encode() for each in plain}
    found |= {value.encode().hex().encode(), base64.b64encode(value.encode()).rstrip(b"=")}
    found |= {value.encode("utf-16-be"), value.encode("utf-16-le")}
    if bare.isdigit() and len(bare) > 10:
        number = int(bare)
        found |= {number.to_bytes(8, "big"), f"{number:x}".encode()}
    return found


def leaked(secrets: frozenset[bytes], data: bytes) -> list[bytes]:
    """Which masked values are in what a client received."""
    return [secret for secret in secrets if secret in data]
