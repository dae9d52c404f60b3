"""M5, M12: the bypass corpus through a live gateway a second time: what it must notice, and what it must not keep.

That no session of it shows a clear value is proved in tests/integration/test_corpus_live.py. Here its oracles are told
from other statements, refused where the mask says so, and everything the gateway wrote down meanwhile is searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, MASKS, Attacked, attacked, leaked, secrets_of
from tests.support.corpus import load_corpus
from tests.support.postgres import Server
from tests.support.wire import Message, Wire, bind, execute, message, parse, query, sync

CORPUS = load_corpus()
ORACLES = [e for e in CORPUS if e.expect == "oracle"]


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(postgres, tmp_path_factory.mktemp("corpus"), EVERYTHING_AT_ALL) as house:
        yield house


@pytest.fixture(scope="module")
def denying(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    masks = MASKS.replace("columns =", 'predicates = "deny"\ncolumns =')
    with attacked(postgres, tmp_path_factory.mktemp("denying"), EVERYTHING_AT_ALL, masks) as house:
        yield house


def asked(wire: Wire, text: str) -> list[Message]:
    """One statement as a Query; a COPY from the client is ended at once."""
    wire.send(query(text))
    found = wire.until("Z", "G")
    if found and found[-1].kind == "G":
        wire.send(message("c"))
        found += wire.until("Z")
    return found


def refusals(messages: list[Message]) -> list[str]:
    return [m.fields["M"] for m in messages if m.kind == "E" and m.fields["M"].startswith("hoop:")]


def test_M5_every_oracle_of_the_corpus_is_recorded_as_one(house: Attacked) -> None:
    """M5: by default a predicate on a masked column runs, and the recording says which mask it asked about."""
    with house.wire(application_name="m5-oracles") as wire:
        for entry in ORACLES:
            wire.query("begin")
            assert not [r for statement in entry.statements for r in refusals(asked(wire, statement))]
            wire.query("rollback")
    commands = [e for e in house.gateway.entries("m5-oracles") if e["kind"] == "command"]
    noticed = {e["text"] for e in commands if e.get("masked_predicates")}
    assert [e.name for e in ORACLES if not noticed & set(e.statements)] == []
    assert not any(e.get("masked_predicates") for e in commands if e["text"] in ("begin", "rollback"))


@pytest.mark.parametrize("extended", [False, True])
def test_M5_every_oracle_of_the_corpus_is_refused_where_the_mask_says_so(denying: Attacked, extended: bool) -> None:
    """M5: `predicates = "deny"`, by simple and by extended query."""
    passed = []
    with denying.wire() as wire:
        for entry in ORACLES:
            wire.query("begin")
            found = []
            for statement in entry.statements:
                if extended:
                    wire.send(parse("", statement), bind(), execute(), sync())
                    found += refusals(wire.until_ready())
                else:
                    found += refusals(asked(wire, statement))
            wire.query("rollback")
            if not found:
                passed.append(entry.name)
    assert passed == []


def test_M12_nothing_the_gateway_wrote_down_holds_a_clear_value(house: Attacked) -> None:
    """M12: after the whole corpus: recordings (decoded), store and log."""
    secrets = secrets_of(house.direct())
    written_by_us = " ".join(s for e in CORPUS for s in e.statements).encode()
    with house.wire(application_name="m12-corpus") as wire:
        for entry in CORPUS:
            wire.query("begin")
            for statement in entry.statements:
                asked(wire, statement)
            wire.query("rollback")
    recorded = json.dumps(house.gateway.entries("m12-corpus")).encode()
    assert recorded.count(b'"outcome"') > len(CORPUS)
    others = [f for f in house.gateway.folder.rglob("*") if f.is_file() and "tls" not in f.parts]
    for name, data in [("recording", recorded), *((f.name, f.read_bytes()) for f in others)]:
        assert [s for s in leaked(secrets, data) if s not in written_by_us] == [], name


def test_M1_without_masks_the_corpus_does_show_clear_values(house: Attacked) -> None:
    """The attacks are real: somebody whom no mask concerns sees hundreds of values by the same sessions."""
    secrets = secrets_of(house.direct())
    shown = 0
    with house.wire("bob") as wire:
        for entry in CORPUS:
            wire.everything.clear()
            wire.query("begin")
            for statement in entry.statements:
                asked(wire, statement)
            wire.query("rollback")
            shown += bool(leaked(secrets, bytes(wire.everything)))
    assert shown > len(CORPUS) / 3
