"""Privileges, roles, settings of others, maintenance: statements that are about the server more than about data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from postgast import pg_query_pb2 as pg

from twisted_hoop.sql.expressions import called
from twisted_hoop.sql.objects import mentioned, named
from twisted_hoop.sql.walk import Scope, Walk, strings

_CASCADE = 2
_ALL_IN_SCHEMA = 2


def grant(walk: Walk, stmt: Any, scope: Scope) -> None:
    """GRANT and REVOKE on objects."""
    walk.found.extra["kind"] = "grant" if stmt.is_grant else "revoke"
    for node in stmt.objects:
        if node.HasField("range_var"):
            mentioned(walk, node.range_var)
        elif stmt.targtype == _ALL_IN_SCHEMA:
            walk.found.add("schema", *strings([node]))
        elif stmt.objtype == pg.OBJECT_PARAMETER_ACL:
            walk.found.add("setting", *strings([node]))
        else:
            named(walk, stmt.objtype, node)
    if stmt.objtype == pg.OBJECT_LARGEOBJECT:
        walk.found.add("class", "large-object")
    if stmt.behavior == _CASCADE:
        walk.found.flag("cascade")
    walk.nodes(stmt.grantees, scope)


def grant_role(walk: Walk, stmt: Any, scope: Scope) -> None:
    """GRANT and REVOKE of roles."""
    walk.found.extra["kind"] = "grant" if stmt.is_grant else "revoke"
    for node in stmt.granted_roles:
        walk.found.add("role", node.access_priv.priv_name)
    walk.nodes(stmt.grantee_roles, scope)
    if stmt.behavior == _CASCADE:
        walk.found.flag("cascade")


def default_privileges(walk: Walk, stmt: Any, scope: Scope) -> None:
    """ALTER DEFAULT PRIVILEGES."""
    walk.nodes(stmt.action.grantees, scope)
    for node in stmt.options:
        option = node.def_elem
        if option.defname == "schemas":
            walk.found.add("schema", *strings(option.arg.list.items))
        else:
            walk.node(option.arg, scope)


def role_statement(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE ROLE."""
    walk.found.add("role", stmt.role)
    walk.children(stmt, scope)


def owned(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DROP OWNED."""
    if stmt.behavior == _CASCADE:
        walk.found.flag("cascade")
    walk.children(stmt, scope)


def setting_of(database_field: str = "") -> Callable[[Walk, Any, Scope], None]:
    """ALTER ROLE | DATABASE | SYSTEM … SET: a setting, but not of this session."""

    def handle(walk: Walk, stmt: Any, scope: Scope) -> None:
        walk.found.add("setting", stmt.setstmt.name.lower() or "*")
        if database_field and (database := getattr(stmt, database_field)):
            walk.found.add("database", database)
        if "role" in stmt.DESCRIPTOR.fields_by_name and stmt.HasField("role"):
            walk.message(stmt.role, scope)

    return handle


def database(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE, ALTER, DROP DATABASE."""
    walk.found.add("database", stmt.dbname)
    walk.children(stmt, scope)


def extension(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE and ALTER EXTENSION."""
    walk.found.add("extension", stmt.extname)
    for node in stmt.options:
        option = node.def_elem
        if option.defname == "cascade":
            walk.found.flag("cascade")
        if option.defname in ("schema", "new_schema"):
            walk.found.add("schema", *strings([option.arg]))


def extension_contents(walk: Walk, stmt: Any, scope: Scope) -> None:
    """ALTER EXTENSION … ADD | DROP object."""
    walk.found.add("extension", stmt.extname)
    named(walk, stmt.objtype, stmt.object)


def import_schema(walk: Walk, stmt: Any, scope: Scope) -> None:
    """IMPORT FOREIGN SCHEMA: makes foreign tables."""
    walk.found.add("schema", stmt.local_schema)


def explain(walk: Walk, stmt: Any, scope: Scope) -> None:
    """EXPLAIN: with ANALYZE it executes (P14); without, it still tells of data by its estimates (M6)."""
    found = walk.found
    found.extra["inner_node"] = stmt.query
    found.flag("explain")
    found.flag("oracle")
    if any(_on(node.def_elem) for node in stmt.options if node.def_elem.defname == "analyze"):
        found.flag("explain-analyze")
        walk.statement(stmt.query, scope)
    else:
        _planned(walk, stmt.query, scope)


def _on(option: Any) -> bool:
    """Whether a boolean option is set: any spelling that is not plainly off counts as on."""
    which = option.arg.WhichOneof("node")
    if which == "boolean":
        return bool(option.arg.boolean.boolval)
    if which == "integer":
        return bool(option.arg.integer.ival)
    return strings([option.arg]) not in (["off"], ["false"])


def _planned(walk: Walk, query: Any, scope: Scope) -> None:
    """What is planned and not run: nothing is written. Functions stay judged, for planning calls some of them."""
    found = walk.found
    walk.statement(query, scope)
    found.classes.difference_update(("write", "ddl"))
    found.tables_read.update(found.values.pop("table_write", ()))
    found.extra.pop("changes_catalogue", None)


def call_procedure(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CALL: what a procedure does is its own business (P13)."""
    walk.message(stmt.funccall, scope)


def do(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DO: code in a string. An untrusted language reaches beyond the database (P13)."""
    for node in stmt.args:
        if node.def_elem.defname == "language" and strings([node.def_elem.arg]) != ["plpgsql"]:
            walk.found.add("class", "administration")


def vacuum(walk: Walk, stmt: Any, scope: Scope) -> None:
    """VACUUM and ANALYZE."""
    walk.found.extra["kind"] = "vacuum" if stmt.is_vacuumcmd else "analyze"
    for node in stmt.rels:
        mentioned(walk, node.vacuum_relation.relation)


def on_relation(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CLUSTER, REINDEX: a relation that is rebuilt."""
    if stmt.HasField("relation"):
        mentioned(walk, stmt.relation)
    if any(node.def_elem.defname == "concurrently" for node in stmt.params):
        walk.found.flag("concurrently")


def reindex(walk: Walk, stmt: Any, scope: Scope) -> None:
    """REINDEX, also of a schema or database."""
    on_relation(walk, stmt, scope)
    attribute = {pg.REINDEX_OBJECT_SCHEMA: "schema", pg.REINDEX_OBJECT_DATABASE: "database"}.get(stmt.kind)
    if attribute and stmt.name:
        walk.found.add(attribute, stmt.name)


def refresh(walk: Walk, stmt: Any, scope: Scope) -> None:
    """REFRESH MATERIALIZED VIEW."""
    if stmt.concurrent:
        walk.found.flag("concurrently")
    walk.children(stmt, scope)


def lock(walk: Walk, stmt: Any, scope: Scope) -> None:
    """LOCK TABLE."""
    walk.found.flag("locks")
    for node in stmt.relations:
        mentioned(walk, node.range_var)


def published(walk: Walk, item: Any, scope: Scope) -> None:
    """A table in a publication: its rows leave the server."""
    table = item.relation
    mentioned(walk, table)
    walk.found.add("class", "read")
    walk.node(item.where_clause, scope)


def subscription(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE and ALTER SUBSCRIPTION: rows come in from elsewhere; nothing more is told by name."""
    walk.nodes(stmt.options, scope)


def handler(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE LANGUAGE, CREATE ACCESS METHOD, FOREIGN DATA WRAPPER: functions that will be called."""
    for field in ("plhandler", "plinline", "plvalidator", "handler_name"):
        if field in stmt.DESCRIPTOR.fields_by_name:
            called(walk, strings(getattr(stmt, field)))
    walk.children(stmt, scope, "plhandler", "plinline", "plvalidator", "handler_name")
