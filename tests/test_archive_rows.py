"""Entries as rows of the index."""

from __future__ import annotations

from typing import Any

from twisted_hoop.archive.query import parse
from twisted_hoop.archive.rows import MAX_SHOWN, Row, first_id, row_of

HEADER: dict[str, Any] = {
    "n": 0,
    "kind": "open",
    "session": "session-0001",
    "started": 1_800_000_000.0,
    "principal": {"issuer": "https://i", "subject": "u-1", "name": "Alice Cooper", "chain": [{"subject": "agent-7"}]},
    "target": "shop-eu",
    "protocol": "postgres",
}


def row(kind: str = "command", **entry: Any) -> Row:
    data = {"n": 3, "t": 1.5, "kind": kind, "text": "DROP TABLE x", "decision": "allow", "rule": "writers", **entry}
    return row_of(HEADER, data)


def found(one: Row, query: str) -> bool:
    return parse(query, 1_800_000_100.0).matches(one.words, one.marks, one.at)


def test_who_where_and_what() -> None:
    one = row(tables=["public.Customers"], parameters=["ada@example.org", None])
    for query in (
        "drop person:alice person:u-1 person:agent-7 person:'cooper'".replace("'", ""),
        "table:public.customers table:customers target:shop* protocol:postgres rule:writers session:session-0001",
        '"ada example org" decision:allow since:100s'.replace("100s", "5m"),
    ):
        assert found(one, query), query
    assert not found(one, "table:public") and not found(one, "target:shop") and not found(one, "decision:deny")
    assert one.at == 1_800_000_001.5 and one.about["who"] == "Alice Cooper via agent-7"


def test_paths_of_files_and_of_requests() -> None:
    one = row(paths=["/srv/data/list.csv"])
    assert found(one, "path:/srv/*") and found(one, "path:list.csv") and found(one, "path:/srv/data/list.csv")
    one = row(text="GET /api/orders/7?full=1")
    assert found(one, "path:/api/orders/7") and not found(one, "path:/api/orders")
    assert not found(row(text="select /api/x"), "path:/api/x")


def test_paths_of_a_shell_are_those_in_the_recorded_text() -> None:
    """M12: what rules saw of a line, a password that was typed or a masked value, is not in the entry, nor here."""
    header = {**HEADER, "protocol": "ssh"}
    one = row_of(header, {"n": 1, "t": 0.0, "kind": "command", "text": "cat /etc/shadow>'/tmp/x y' ./run.sh a/b"})
    for query in ("path:/etc/shadow", "path:shadow", "path:/tmp/x", "path:./run.sh", "path:a/*", "path:/tmp/*"):
        assert found(one, query), query


def test_decisions() -> None:
    refused = row("refused", decision="deny", code="expired")
    assert found(refused, "decision:deny") and found(refused, "decision:expired")
    assert refused.about["decision"] == "expired"
    waits = row_of(HEADER, {"n": 2, "t": 0.1, "kind": "review", "approval": "a", "text": "drop"})
    assert found(waits, "decision:pending") and found(waits, "decision:review")
    assert found(row(decision="review", approval={"id": "a", "by": ["bob"]}), "decision:approved")


def test_ids_are_in_the_order_of_time() -> None:
    early, late = row(), row(n=1, t=1.500001)
    assert early.id < late.id and first_id(early.at) <= early.id < first_id(late.at)
    assert first_id(-1.0) == 0 and first_id(1e300) < 1 << 63


def test_hits_show_the_beginning() -> None:
    one = row(text="x" * 1000 + " needle")
    assert len(one.about["text"]) == MAX_SHOWN and one.about["cut"] and found(one, "needle")
