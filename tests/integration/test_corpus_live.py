"""The bypass corpus through a whole gateway, by a rule that allows nearly everything: the masks alone must hold.

Every entry is sent by simple query, and by extended query with results in binary. Not a byte that comes back may hold a
masked value or a form of it: rows, COPY data, errors, notices and notifications alike (M1, M4–M8).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.plans import target
from tests.support import raw_client as raw
from tests.support.corpus import Entry, load_corpus
from tests.support.gateway import Gateway, Plan, running_gateway, token_of
from tests.support.postgres import Server, load_shop
from tests.support.raw_client import RawClient, bind, describe, execute, parse, query

CORPUS = load_corpus()
LOGIN, PASSWORD, DATABASE = "corpus_login", "password-of-the-corpus", "corpus"
RULES = """
[[rules]]
name = "nearly-everything"
effect = "allow"
functions = ["", ".*"]
classes = ["read", "write", "transaction", "session", "cursor", "execute", "copy-in", "copy-out", "ddl", "maintenance",
  "notify", "dynamic", "large-object", "unknown"]
[[masks]]
name = "card"
groups = ["ci"]
columns = ['.*\\.card_number']
[[masks]]
name = "ssn"
groups = ["ci"]
columns = ["public.customers.ssn"]
[[masks]]
name = "keys"
groups = ["ci"]
columns = ["api_keys.data"]
"""


@dataclass
class Heard:
    """What came back: every byte, and the SQLSTATEs of refusals by the gateway."""

    data: bytes = b""
    refused: list[str] = field(default_factory=list)

    def take(self, answers: Iterator[tuple[str, bytes]]) -> bool:
        """Keep the answers; whether there was no error."""
        well = True
        for kind, body in answers:
            self.data += kind.encode() + body + b"\n"
            if kind == "E":
                well = False
                if b"hoop:" in body:
                    self.refused.append(body.decode("utf-8", "replace"))
        return well


@pytest.fixture(scope="module")
def gateway(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("corpus")
    postgres.create_login(LOGIN, PASSWORD)
    postgres.run(f"create database {DATABASE} owner {LOGIN}")
    postgres.run(f"alter schema public owner to {LOGIN}", DATABASE)
    load_shop(postgres.dsn_for(DATABASE, LOGIN, PASSWORD))
    section = target("shop", postgres, DATABASE, LOGIN)
    with running_gateway(folder, Plan(section + RULES, {"TARGET_PASSWORD": PASSWORD})) as running:
        yield running
    postgres.run(f"drop database {DATABASE} with (force)")
    postgres.run(f"drop role {LOGIN}")


@pytest.fixture(scope="module")
def secrets(postgres: Server, gateway: Gateway) -> frozenset[bytes]:
    """Every masked value, and forms of it that no accident produces."""
    cells = postgres.run("select card_number from customers union all select ssn from customers", DATABASE)
    keys = postgres.run("select data ->> k from api_keys, unnest(array['key', 'secret']) k", DATABASE)
    return frozenset(form for (value,) in (*cells, *keys) for form in _forms(str(value)))


def _forms(value: str) -> Iterator[bytes]:
    clear = value.encode()
    for form in (value, value.upper(), value[::-1], value.replace("-", ""), clear.hex()):
        yield form.encode()
    yield base64.b64encode(clear).rstrip(b"=")
    yield hashlib.md5(clear, usedforsecurity=False).hexdigest().encode()
    yield hashlib.sha256(clear).hexdigest().encode()


def simple(client: RawClient, statement: str, heard: Heard) -> bool:
    client.send(query(statement))
    return heard.take(everything(client))


def binary(client: RawClient, statement: str, heard: Heard) -> bool:
    client.send(parse("", statement) + bind("", "", form=1) + describe("P", "") + execute("") + raw.SYNC)
    return heard.take(everything(client))


def everything(client: RawClient) -> Iterator[tuple[str, bytes]]:
    """Messages up to ReadyForQuery; a COPY FROM STDIN gets no rows."""
    while True:
        kind, body = client.next()
        yield kind or "closed", body
        if kind in ("Z", ""):
            return
        if kind == "G":
            client.send(raw.message("c"))


@pytest.mark.parametrize("way", [simple, binary], ids=lambda way: way.__name__)
@pytest.mark.parametrize("entry", CORPUS, ids=[e.name for e in CORPUS])
def test_M1_M4_M5_M6_M7_M8_no_way_round(entry: Entry, way: object, gateway: Gateway, secrets: frozenset[bytes]) -> None:
    client = raw.connect("127.0.0.1", gateway.ports["pg"], "shop", "x", token_of("ci"))
    heard, noise = Heard(), Heard()
    simple(client, "begin", noise)
    for statement in entry.statements:
        simple(client, "savepoint corpus", noise)
        if not way(client, statement, heard):  # type: ignore[operator]
            simple(client, "rollback to corpus", noise)
    simple(client, "rollback", noise)
    client.wire.close()
    shown = heard.data + noise.data
    assert not [secret for secret in secrets if secret in shown]
    if entry.expect == "refused":
        assert heard.refused
    if entry.expect in ("masked", "oracle"):
        assert not heard.refused
