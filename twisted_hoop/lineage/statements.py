"""Whole statements: what can stand on its own. Anything not listed is opaque."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.definitions import DEFINITIONS
from twisted_hoop.lineage.expressions import expression, predicate
from twisted_hoop.lineage.scope import Node, Scope, Walk
from twisted_hoop.lineage.sources import table
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, opaque, whole

_QUERIES = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")

# Return no rows, read no values and write none.
_HARMLESS = frozenset(
    (
        "alter_collation_stmt", "alter_database_refresh_coll_stmt", "alter_database_set_stmt", "alter_database_stmt",
        "alter_default_privileges_stmt", "alter_enum_stmt", "alter_event_trig_stmt", "alter_function_stmt",
        "alter_object_depends_stmt", "alter_op_family_stmt", "alter_operator_stmt", "alter_owner_stmt",
        "alter_role_set_stmt", "alter_role_stmt", "alter_seq_stmt", "alter_stats_stmt", "alter_system_stmt",
        "alter_table_move_all_stmt", "alter_table_space_options_stmt", "alter_tsconfiguration_stmt",
        "alter_tsdictionary_stmt", "alter_type_stmt", "check_point_stmt", "close_portal_stmt", "cluster_stmt",
        "comment_stmt", "composite_type_stmt", "constraints_set_stmt", "create_am_stmt", "create_enum_stmt",
        "create_op_family_stmt", "create_plang_stmt", "create_range_stmt", "create_role_stmt", "create_seq_stmt",
        "create_stats_stmt", "create_table_space_stmt", "createdb_stmt", "deallocate_stmt", "discard_stmt",
        "drop_owned_stmt", "drop_role_stmt", "drop_stmt", "drop_table_space_stmt", "drop_user_mapping_stmt",
        "dropdb_stmt", "grant_role_stmt", "grant_stmt", "index_stmt", "listen_stmt", "lock_stmt", "notify_stmt",
        "reassign_owned_stmt", "refresh_mat_view_stmt", "reindex_stmt", "replica_identity_stmt", "sec_label_stmt",
        "transaction_stmt", "truncate_stmt", "unlisten_stmt", "vacuum_stmt", "variable_set_stmt",
    )
)  # fmt: skip

# Return no rows, and do what the statement does not show: run code, or make names mean something else out of our sight.
_OUT_OF_SIGHT = frozenset(
    (
        "alter_extension_contents_stmt", "alter_extension_stmt", "alter_fdw_stmt", "alter_foreign_server_stmt",
        "alter_publication_stmt", "alter_subscription_stmt", "alter_user_mapping_stmt", "create_cast_stmt",
        "create_conversion_stmt", "create_event_trig_stmt", "create_extension_stmt", "create_fdw_stmt",
        "create_foreign_server_stmt", "create_function_stmt", "create_op_class_stmt", "create_publication_stmt",
        "create_subscription_stmt", "create_transform_stmt", "create_trig_stmt", "create_user_mapping_stmt",
        "do_stmt", "drop_subscription_stmt", "import_foreign_schema_stmt", "load_stmt",
    )
)  # fmt: skip


def statement(walk: Walk, node: Node) -> Columns:
    """The columns a whole statement returns; what it reads, compares and stores is noted in the walk."""
    kind = node.WhichOneof("node")
    if kind in _QUERIES:
        return walk.query(walk, node, None, {})
    if kind in _HARMLESS:
        return ()
    if kind in _OUT_OF_SIGHT:
        walk.store(opaque(f"{kind} does more than it shows"))
        return ()
    handler = _HANDLERS.get(kind or "")
    if handler is None:
        walk.store(opaque(f"{kind} is not known"))
        return None
    return handler(walk, getattr(node, kind))


def _inner(walk: Walk, node: Node) -> Columns:
    """PREPARE, DECLARE: the lineage of the query is that of what EXECUTE or FETCH return."""
    return statement(walk, node.query)


def _explain(walk: Walk, node: Node) -> Columns:
    """A plan shows literals, estimates from statistics and counts of rows: opaque when a column is involved (M6)."""
    columns = statement(walk, node.query)
    origin = whole(columns)
    read = frozenset(walk.touches | walk.predicates | walk.stored)
    hidden = bool(read or origin.opaque)
    return (("QUERY PLAN", Origin(read | origin.columns, "EXPLAIN" if hidden else "")),)


def _copy(walk: Walk, node: Node) -> Columns:
    if node.is_from:
        target = Scope(None, {}, [table(walk, node.relation, Scope(None, {}), ctes=False)])
        predicate(walk, node.where_clause, target)
        return ()
    if node.HasField("query"):
        return statement(walk, node.query)
    names = [one.string.sval for one in node.attlist]
    return relation_columns(walk, node.relation.schemaname, node.relation.relname, names)


def relation_columns(walk: Walk, schema: str, name: str, names: list[str]) -> Columns:
    """The columns of a table, all of them or those named."""
    source = walk.relations.find(schema, name)
    if not names:
        walk.read(source.whole)
        return source.columns
    return tuple((n, walk.read(source.find(n) or opaque(f"no column {n}"))) for n in names)


def _create_table_as(walk: Walk, node: Node) -> Columns:
    """CREATE TABLE AS, CREATE MATERIALIZED VIEW; of EXECUTE nothing is known here."""
    columns = statement(walk, node.query)
    walk.store(whole(columns, "what EXECUTE returns is not known here"))
    return ()


def _execute(walk: Walk, node: Node) -> Columns:
    """Only the session knows what was prepared: the relay puts that statement's lineage here."""
    for one in node.params:  # what was prepared may return its parameters, and its lineage says nothing of them
        walk.store(expression(walk, one, Scope(None, {})))
    return None


def _fetch(walk: Walk, node: Node) -> Columns:
    return () if node.ismove else None


def _call(walk: Walk, node: Node) -> Columns:
    origin = expression(walk, pb.Node(func_call=node.funccall), Scope(None, {}))
    walk.store(Origin(origin.columns, "a procedure does more than it shows"))
    return None


def _show(walk: Walk, node: Node) -> Columns:
    """PostgreSQL's own settings hold no columns' values, for set_config() counts as storing; others are not known."""
    if node.name == "all":
        return tuple((n, EMPTY) for n in ("name", "setting", "description"))
    foreign = "." in node.name or node.name == "application_name"
    return ((str(node.name), opaque("a setting that may hold anything") if foreign else EMPTY),)


def _schema(walk: Walk, node: Node) -> Columns:
    for one in node.schema_elts:
        statement(walk, one)
    return ()


_HANDLERS: Mapping[str, Callable[[Walk, Node], Columns]] = {
    **DEFINITIONS,
    "prepare_stmt": _inner,
    "declare_cursor_stmt": _inner,
    "explain_stmt": _explain,
    "copy_stmt": _copy,
    "create_table_as_stmt": _create_table_as,
    "execute_stmt": _execute,
    "fetch_stmt": _fetch,
    "call_stmt": _call,
    "variable_show_stmt": _show,
    "create_schema_stmt": _schema,
}
