"""M1: the tracer as a whole. It never raises, it is fast, and made-up queries cannot outwit it on a real server."""

from __future__ import annotations

import time

import postgast
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgast import pg_query_pb2 as pb

from tests.support.catalogue import read_catalogue
from tests.support.corpus import load_corpus
from tests.support.lineage import CATALOGUE, TRACER, named, outputs, written
from tests.support.model_gateway import Known, ModelGateway
from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.tracer import Lineage, Tracer, trace

REPORT = """
select c.id, c.name, upper(c.ssn), sum(o.total) from customers c join orders o on o.customer_id = c.id
where c.city = 'x' and o.status in ('a', 'b') group by 1, 2, 3 order by 4 limit 10
"""


def test_a_node_a_raw_statement_and_a_message_are_the_same() -> None:
    raw = postgast.parse("select card from people").stmts[0]
    found = [TRACER.trace(tree) for tree in (raw, raw.stmt, raw.stmt.select_stmt, pb.Node(raw_stmt=raw))]
    assert found[0].outputs is not None
    assert found.count(found[0]) == 4
    assert trace(raw.stmt, CATALOGUE) == found[0]


@pytest.mark.parametrize("tree", [None, "select 1", pb.Node(), pb.SelectStmt(), 5])
def test_nonsense_is_opaque_or_empty(tree: object) -> None:
    found = TRACER.trace(tree)
    assert found.outputs in (None, ())


def test_a_tree_too_deep_is_opaque() -> None:
    statement = pb.SelectStmt()
    node = statement.target_list.add().res_target.val
    for _ in range(600):
        node = node.bool_expr.args.add()
    node.column_ref.fields.add().string.sval = "card"
    found = TRACER.trace(statement)
    assert found.outputs is None
    assert "lineage failed" in found.stored_opaque


def test_M8_a_copied_table() -> None:
    found = TRACER.trace_relation("public", "people", ("ssn", "nothing"))
    assert found.outputs is not None
    assert [written(origin) for _, origin in found.outputs] == ["people.ssn", "? "]
    every = TRACER.trace_relation("", "cards")
    assert named(every.touches) == "cards.number cards.owner people.card people.name"
    assert TRACER.trace_relation("", "nowhere").outputs is None


def test_what_a_relation_shows() -> None:
    assert [written(o) for _, o in TRACER.view_columns(20101) or ()] == [
        "cards.owner people.name",
        "cards.number people.card",
    ]
    assert TRACER.view_columns(1) is None


def test_an_empty_catalogue_shows_nothing() -> None:
    tracer = Tracer(Catalogue())
    assert outputs("select * from people", tracer) is None
    assert outputs("select id from people", tracer) == ["id: ?"]
    assert outputs("select 1", tracer) == ["?column?:"]


def test_touches_are_what_is_read_anywhere() -> None:
    tree = postgast.parse("select 1 from people where exists (select status from orders where id = people.id)")
    assert named(TRACER.trace(tree.stmts[0].stmt).touches) == "orders.id orders.status people.id"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(" ".join(s for e in load_corpus() for s in e.statements).split()), max_size=12))
def test_any_statement_gives_a_lineage(words: list[str]) -> None:
    """Whatever parses gives a Lineage; nothing raises."""
    try:
        statements = postgast.parse(" ".join(words)).stmts
    except (postgast.PgQueryError, ValueError):
        return
    for statement in statements:
        assert isinstance(TRACER.trace(statement.stmt), Lineage)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_any_tree_gives_a_lineage(data: bytes) -> None:
    """Trees that no parser makes, too."""
    node = pb.Node()
    try:
        node.ParseFromString(data)
    except Exception:
        return
    assert isinstance(TRACER.trace(node), Lineage)


@pytest.fixture(scope="module")
def known(shop: str) -> Known:
    return Known(read_catalogue(shop))


def test_a_miss_takes_less_than_two_milliseconds(known: Known) -> None:
    tree = postgast.parse(REPORT).stmts[0].stmt
    known.tracer.trace(tree)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        known.tracer.trace(tree)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.002


SECRET = st.sampled_from(["card_number", "ssn"])
PLAIN = st.sampled_from(["name", "city", "email"])
NAME = st.sampled_from(["card_number", "ssn", "name", "city", "a", "b"])


def _value(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("upper({})".format, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("case when {} > '5' then {} else {} end".format, inner, inner, inner),
        st.builds("(array[{}, {}])[1]".format, inner, inner),
        st.builds("(select {} limit 1)".format, inner),
        st.builds("(row_to_json(row({}, {})) ->> 'f1')".format, inner, inner),
        st.builds("(select max(v) from (values ({}), ({})) as q(v))".format, inner, inner),
    )


VALUE = st.recursive(st.one_of(SECRET, PLAIN, st.just("'x'")), _value, max_leaves=6)


def _query(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("select {} as {}, {} as {} from ({}) as q".format, VALUE, NAME, VALUE, NAME, inner),
        st.builds("({}) union ({})".format, inner, inner),
        st.builds("with w as ({}) select * from w".format, inner),
        st.builds("with customers as ({}) select * from customers".format, inner),
        st.builds("select q.* from ({}) as q, lateral ({}) as r".format, inner, inner),
        st.builds("select * from ({}) as q(card_number, city)".format, inner),
        st.builds("select q, q.* from ({}) as q".format, inner),
        st.builds("select * from ({}) as q natural join ({}) as r".format, inner, inner),
    )


FIRST = st.builds("select {} as {}, {} as {} from customers where id < 4".format, VALUE, NAME, VALUE, NAME)
QUERY = st.recursive(FIRST, _query, max_leaves=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERY)
def test_M1_made_up_queries_show_nothing(shop: str, known: Known, sql: str) -> None:
    """Queries that shuffle names, rows and levels: what is not masked holds no masked value."""
    gateway = ModelGateway(shop, known)
    gateway.run(sql)
    text = "\n".join(gateway.close().visible).upper()
    assert not [s for s in _secrets(shop) if s in text], sql


def _secrets(shop: str, kept: list[str] = []) -> list[str]:  # noqa: B006 read once
    if not kept:
        with psycopg.connect(shop) as connection:
            sql = "select card_number from customers where id < 4 union select ssn from customers where id < 4"
            kept.extend(str(value) for (value,) in connection.execute(sql))
    return kept
