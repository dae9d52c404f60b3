"""SET, RESET, SHOW, DISCARD, transactions: what of the session changes (P13, P16, P17)."""

from __future__ import annotations

from typing import Any

from twisted_hoop.sql.guarded import setting_class
from twisted_hoop.sql.kinds import TRANSACTIONS
from twisted_hoop.sql.walk import Scope, Walk

_VALUE, _DEFAULT, _CURRENT, _MULTI, _RESET, _RESET_ALL = range(1, 7)
_DISCARD_ALL, _DISCARD_TEMP = 1, 4


def variable_set(walk: Walk, stmt: Any, scope: Scope) -> None:
    """SET, SET LOCAL, SET TRANSACTION, SET SESSION CHARACTERISTICS, RESET."""
    found = walk.found
    found.extra["kind"] = "reset" if stmt.kind in (_RESET, _RESET_ALL) else "set"
    name = stmt.name.lower()
    if stmt.kind == _RESET_ALL:
        found.resets_all = True
        found.add("class", "session")
    elif stmt.kind == _MULTI:
        _multiple(walk, stmt, name)
    else:
        change(walk, name, setting_value(stmt.args) if stmt.kind == _VALUE else None)


def _multiple(walk: Walk, stmt: Any, name: str) -> None:
    """SET TRANSACTION and SET SESSION CHARACTERISTICS; the latter sets the defaults of later transactions."""
    walk.found.add("class", "session" if name == "session characteristics" else "transaction")
    if name == "transaction snapshot":
        walk.found.add("setting", "transaction_snapshot")
        walk.found.sets.append(("transaction_snapshot", setting_value(stmt.args)))
        return
    transaction_modes(walk, stmt.args, "default_" if name == "session characteristics" else "")


def transaction_modes(walk: Walk, options: Any, prefix: str = "") -> None:
    """READ WRITE, ISOLATION LEVEL … as the settings they are (P17)."""
    for node in options:
        option = node.def_elem
        name, value = prefix + option.defname, _mode(option.arg)
        walk.found.add("setting", name)
        walk.found.sets.append((name, value))


def _mode(arg: Any) -> str:
    if arg.WhichOneof("node") == "integer":
        return "on" if arg.integer.ival else "off"
    value = setting_value([arg])
    return {"1": "on", "0": "off"}.get(value, value)


def change(walk: Walk, name: str, value: str | None) -> None:
    """One setting is changed; None means back to its default."""
    walk.found.add("setting", name)
    walk.found.sets.append((name, value))
    walk.found.add("class", setting_class(name, value))
    if name in ("role", "session_authorization") and value:
        walk.found.add("role", value)


def setting_value(args: Any) -> str:
    """The value of SET as PostgreSQL would join it: `a, b`."""
    return ", ".join(_one(node) for node in args)


def _one(node: Any) -> str:
    which = node.WhichOneof("node")
    if which == "type_cast":
        return _one(node.type_cast.arg)
    if which == "string":
        return str(node.string.sval)
    constant = node.a_const if which == "a_const" else None
    if constant is None:
        return "?"
    kind = constant.WhichOneof("val")
    value = {"ival": constant.ival.ival, "fval": constant.fval.fval, "sval": constant.sval.sval}.get(kind)
    return ("on" if constant.boolval.boolval else "off") if kind == "boolval" else str(value)


def variable_show(walk: Walk, stmt: Any, scope: Scope) -> None:
    """SHOW."""
    walk.found.add("setting", stmt.name.lower())


def discard(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DISCARD: ALL resets settings, closes cursors, forgets prepared statements and drops temporary tables."""
    found = walk.found
    if stmt.target == _DISCARD_ALL:
        found.resets_all = True
        found.extra.update(deallocates="*", closes="*")
    if stmt.target in (_DISCARD_ALL, _DISCARD_TEMP):
        found.extra["changes_catalogue"] = True


def transaction(walk: Walk, stmt: Any, scope: Scope) -> None:
    """BEGIN … ROLLBACK PREPARED. A prepared transaction outlives its session: that is administration."""
    walk.found.extra["kind"] = TRANSACTIONS.get(stmt.kind, "transaction")
    transaction_modes(walk, stmt.options)
    if stmt.kind in (8, 9, 10):
        walk.found.add("class", "administration")


def prepare(walk: Walk, stmt: Any, scope: Scope) -> None:
    """PREPARE: what it prepares is judged now, and again when it is executed (P10)."""
    walk.found.extra.update(prepares=stmt.name, inner_node=stmt.query)
    walk.statement(stmt.query, scope)


def execute(walk: Walk, stmt: Any, scope: Scope) -> None:
    """EXECUTE: the relay knows what the name stands for."""
    walk.found.extra["executes"] = stmt.name
    walk.found.add("class", "execute")
    walk.nodes(stmt.params, scope)


def deallocate(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DEALLOCATE name | ALL."""
    walk.found.extra["deallocates"] = "*" if stmt.isall else stmt.name


def declare(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DECLARE … CURSOR FOR query."""
    walk.found.extra.update(declares=stmt.portalname, inner_node=stmt.query)
    walk.statement(stmt.query, scope)


def fetch(walk: Walk, stmt: Any, scope: Scope) -> None:
    """FETCH and MOVE."""
    walk.found.extra.update(fetches=stmt.portalname, kind="move" if stmt.ismove else "fetch")


def close(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CLOSE name | ALL: the grammar writes ALL as no name."""
    walk.found.extra["closes"] = stmt.portalname or "*"


def notify(walk: Walk, stmt: Any, scope: Scope) -> None:
    """NOTIFY: the payload is data that goes in."""
    if stmt.payload:
        walk.found.literals.append(stmt.payload)
