"""M1: what the value of an expression derives from."""

from __future__ import annotations

import pytest
from postgast import pg_query_pb2 as pb

from tests.support.lineage import CATALOGUE, TRACER, named, outputs, trace
from twisted_hoop.lineage.expressions import expression
from twisted_hoop.lineage.queries import query
from twisted_hoop.lineage.scope import Scope, Walk, make_source
from twisted_hoop.lineage.values import Origin

CASES = [
    ("select upper(ssn) as u from people", ["u: people.ssn"]),
    ("select 'a' || card || ssn from people", ["?column?: people.card people.ssn"]),
    ("select coalesce(card, name) from people", ["coalesce: people.card people.name"]),
    ("select case when ssn > '1' then name end from people", ["case: people.name people.ssn"]),
    ("select card::bytea from people", ["card: people.card"]),
    ("select (people).ssn, (people).id from people", ["ssn: people.ssn", "id: people.id"]),
    ("select (people).upper from people", ["upper: ? people.card people.id people.name people.ssn"]),
    ("select p from people p", ["p: people.card people.id people.name people.ssn"]),
    ("select row_to_json(p.*) from people p", ["row_to_json: people.card people.id people.name people.ssn"]),
    ("select (array[card, ssn])[1] from people", ["array: people.card people.ssn"]),
    ("select array(select ssn from people)", ["array: people.ssn"]),
    ("select id in (select id from orders) from people", ["?column?: orders.id people.id"]),
    (
        "select exists (select ssn from people), ssn is null, count(card) from people",
        ["exists:", "?column?:", "count:"],
    ),
    ("select max(name) filter (where ssn = '1') from people", ["max: people.name people.ssn"]),
    ("select mode() within group (order by card) from people", ["mode: people.card"]),
    ("select string_agg(name, ',' order by ssn) from people", ["string_agg: people.name"]),
    ("select id @@@@ 1, @@@@ id from people", ["?column?: ? people.id", "?column?: ? people.id"]),
    ("select operator(other.+) id from people", ["?column?: ? people.id"]),
    ("select card::odd_type, odd_type(card) from people", ["card: ? people.card", "odd_type: ? people.card"]),
    ("select magic(card), unheard_of(card) from people", ["magic: ? people.card", "unheard_of: ? people.card"]),
    ("select query_to_xml('select 1', true, true, '') as x", ["x: ?"]),
    (
        "select current_setting('server_version'), current_setting('a.b')",
        ["current_setting:", "current_setting: ?"],
    ),
    (
        "select json_object('a': ssn), json_arrayagg(card), json_value(data, '$.a') from people, keys",
        [": people.ssn", ": people.card", ": keys.data"],
    ),
    (
        "select xmlforest(card), xmlelement(name a, xmlattributes(ssn as b)) from people",
        [": people.card", ": people.ssn"],
    ),
    ("select current_date, $1::text, 1, null, true", [":", "text:", "?column?:", "?column?:", "?column?:"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) filter (where ssn = '1') from people",
        "select exists (select ssn from people)",
        "select ssn is null from people",
        "select case when ssn = '1' then 1 end from people",
        "select grouping(ssn) from people group by ssn",
        "select rank() over (order by ssn) from people",
        "select string_agg(name, ',' order by ssn) from people",
        "select generate_series(1, ssn::int) from people",
    ],
)
def test_M5_what_decides_is_a_predicate(sql: str) -> None:
    assert named(trace(sql).predicates) == "people.ssn"


@pytest.mark.parametrize(
    "call",
    ["set_config('a.b', ssn, false)", "setval('s', ssn::int)", "pg_notify('c', ssn)", "magic(ssn)", "ssn @@@@ 1"],
)
def test_M7_what_a_call_may_keep_is_stored(call: str) -> None:
    assert named(trace(f"select {call} from people").stored) == "people.ssn"


def test_a_very_long_chain_is_followed() -> None:
    chain = " || ".join(["name"] * 40 + ["ssn"])
    assert outputs(f"select {chain} as x from people") == ["x: people.name people.ssn"]


FIELDS = {f.name: f.message_type for f in pb.Node.DESCRIPTOR.oneofs[0].fields}
# Hold no expression, or count what is in them as a predicate on purpose.
SILENT = frozenset(
    [
        "a_const",
        "param_ref",
        "sqlvalue_function",
        "set_to_default",
        "integer",
        "float",
        "boolean",
        "string",
        "bit_string",
        "type_name",
        "a_star",
        "current_of_expr",
        "merge_support_func",
        "json_format",
        "json_returning",
        "json_output",
        "json_table_path_spec",
        "role_spec",
        "null_test",
        "grouping_func",
    ]
)
QUERIES = frozenset(("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"))
# Handled with what stands around them, never as an expression by themselves.
TYPED = frozenset(("column_ref", "func_call", "a_indirection", "case_expr", "case_when"))


def _filled(kind: str) -> pb.Node | None:
    """A node of this kind with the column `secret` in every place for a Node; None when it has no such place."""
    node = pb.Node()
    inner = getattr(node, kind)
    inner.SetInParent()
    places = [f for f in FIELDS[kind].fields if f.message_type is not None and f.message_type.name == "Node"]
    for field in places:
        place = getattr(inner, field.name)
        child = place.add() if field.is_repeated else place
        child.column_ref.fields.add().string.sval = "secret"
    return node if places else None


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_every_kind_of_node_passes_on_what_is_in_it(kind: str) -> None:
    """Explicitly or by the fallback: no node makes a column disappear."""
    node = _filled(kind)
    if node is None or kind in SILENT or kind in TYPED or kind in QUERIES:
        return
    secret = Origin(frozenset(((20001, 3),)))
    walk = Walk(TRACER.relations, query)
    found = expression(walk, node, Scope(None, {}, [make_source("t", (("secret", secret),))]))
    assert secret.columns <= found.columns or found.opaque, CATALOGUE
