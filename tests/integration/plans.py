"""What the shared gateway of the integration tests is configured to do."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.gateway import Plan
from tests.support.postgres import Server

RULES = """
[[rules]]
name = "forbidden-table"
effect = "deny"
tables = ["forbidden.*"]
reason = "this table is closed"
[[rules]]
name = "no-truncate"
tables = ["orders", "customers"]
effect = "deny"
statements = ["truncate"]
reason = "tables are not emptied here"
[[rules]]
name = "held"
effect = "review"
tables = ["held.*"]
access = ["write"]
approvers = ["dba"]
reason = "two eyes more"
wait = "30s"
[[rules]]
name = "brief"
effect = "review"
tables = ["brief.*"]
access = ["write"]
approvers = ["dba"]
wait = "1s"
[[rules]]
name = "retried"
effect = "review"
tables = ["retried.*"]
access = ["write"]
approvers = ["dba"]
wait = "0s"
[[rules]]
name = "functions-of-their-own"
effect = "allow"
functions = ["", "own_.*", "pg_catalog\\\\..*", ".*"]
classes = ["read", "write", "transaction", "session", "cursor", "execute", "copy-in", "copy-out", "ddl", "maintenance",
  "notify", "function-call", "dynamic", "unknown"]
groups = ["dba"]
[[rules]]
name = "drivers-settings"
effect = "allow"
classes = ["read", "session", "dynamic"]
functions = ["set_config", "current_setting"]
[[rules]]
name = "usual"
effect = "allow"
classes = ["read", "write", "transaction", "session", "cursor", "execute", "copy-in", "copy-out", "ddl", "maintenance",
  "notify"]
"""

MASKS = """
[[masks]]
name = "cards"
except_groups = ["dba"]
columns = ['.*\\.card_number']
strategy = "partial"
[[masks]]
name = "numbers"
except_groups = ["dba"]
columns = ['.*\\.ssn']
[[masks]]
name = "no-cards-in"
groups = ["operators"]
detect = ["card"]
direction = "request"
action = "deny"
"""


def target(name: str, server: Server, database: str, login: str, more: Iterable[str] = (), **limits: str) -> str:
    """One target section; its password is in the environment."""
    lines = [
        "[[targets]]",
        f'name = "{name}"',
        'protocol = "postgres"',
        f'endpoint = "tcp:{server.host}:{server.port}"',
        f'database = "{database}"',
        f'login = "{login}"',
        'secret = "env:TARGET_PASSWORD"',
        'tls = "disable"',
        'groups = ["*"]',
    ]
    given = {line.partition("=")[0].strip() for line in more}
    kept = [line for line in lines if line.partition("=")[0].strip() not in given]
    section = [*kept, *more]
    if limits:
        section += ["[targets.limits]", *(f"{key} = {value}" for key, value in limits.items())]
    return "\n".join(section) + "\n"


def house_plan(server: Server, database: str, login: str, password: str) -> Plan:
    """The plan of the shared gateway."""
    where = (server, database, login)
    socket = f"unix:{server.socket_folder}/.s.PGSQL.{server.port}"
    targets = [
        target("shop", *where, ['databases = ["postgres"]']),
        target("bench", *where, ['databases = ["*"]']),
        target("idle", *where, idle='"1s"'),
        target("dawdling", *where, transaction='"1s"'),
        target("short", *where, session='"2s"'),
        target("crowded", *where, sessions="2"),
        target("personal", *where, sessions_per_principal="1"),
        target("reading", *where, ["read_only = true"]),
        target("calling", *where, ["allow_functions = [952, 953, 954, 955, 957, 964, 715]"]),
        target("socket", *where, [f'endpoint = "{socket}"']),
        target("nowhere", *where, ['endpoint = "tcp:127.0.0.1:1"']),
        target("mistaken", *where, ['secret = "env:WRONG_PASSWORD"']),
        target("closed", *where, ['groups = ["nobody-at-all"]']),
    ]
    environ = {"TARGET_PASSWORD": password, "WRONG_PASSWORD": "not this one"}
    return Plan("".join(targets) + RULES + MASKS, environ)
