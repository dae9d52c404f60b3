"""What a SQL text does, for rules, masking lineage and the relay: `SqlReader.understand`.

Every statement is told apart by PostgreSQL's own grammar; nothing that does not parse is ever taken for a read. This
knows no catalogue: names are as written, after PostgreSQL's folding. Facts of a statement:

`kind` its name; `class` what it does (read, write, ddl, privilege, session, transaction, dynamic, program, file,
administration, maintenance, notify, copy-in, copy-out, large-object, encoding, execute, cursor, unknown, oversize);
`access` read and write; `table` with `table_read` and `table_write`; `schema`; `column` (`table.column`, `table.*`, or
`?.column` when several tables could have it); `function`; `role`, `extension`, `setting`, `database`; `flag`.
EXECUTE has the class "execute" and FETCH, MOVE, CLOSE "cursor": the relay knows what their names stand for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from twisted_hoop.model import Facts
from twisted_hoop.sql.bulk import head_of_bulk
from twisted_hoop.sql.handlers import BY_FIELD, BY_TYPE
from twisted_hoop.sql.kinds import CHANGES_CATALOGUE, KINDS
from twisted_hoop.sql.parse import parse_text
from twisted_hoop.sql.statements import Copy, SqlText, Statement
from twisted_hoop.sql.walk import FIELDS, Found, Scope, Walk

_REASON = re.compile(r"--[ \t]*reason[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LONGEST_REASON = 500
PROBLEM_FACTS: dict[str, Facts] = {
    problem: {"kind": frozenset((problem,)), "class": frozenset((problem,))} for problem in ("unknown", "oversize")
}
"""The facts to judge a text by that has a `problem`."""


class SqlReader:
    """Understands texts, and remembers what it understood by the exact text.

    Two generations stand in for a least-recently-used list, so that a hit costs one look-up in a plain dict: when the
    young one is full it becomes the old one, and what is asked for again moves back. Bounded in texts and characters.
    """

    def __init__(self, cache_size: int = 4096, cache_characters: int = 2 << 20) -> None:
        self._half = max(1, cache_size // 2)
        self._most_characters = cache_characters // 2
        self._young: dict[str, SqlText] = {}
        self._old: dict[str, SqlText] = {}
        self._characters = 0

    def understand(self, text: str) -> SqlText:
        """What the text does. Never raises."""
        known = self._young.get(text)
        return known if known is not None else self._look_again(text)

    def _look_again(self, text: str) -> SqlText:
        known = self._old.pop(text, None) or understand(text)
        if len(text) <= self._most_characters // 16:
            self._remember(text, known)
        return known

    def _remember(self, text: str, known: SqlText) -> None:
        if len(self._young) >= self._half or self._characters + len(text) > self._most_characters:
            self._old, self._young, self._characters = self._young, {}, 0
        self._young[text] = known
        self._characters += len(text)


def understand(text: str) -> SqlText:
    """What the text does, without cache. Never raises."""
    parsed = parse_text(text)
    if parsed.problem == "oversize" and (bulk := head_of_bulk(text)) is not None:
        return _understand_bulk(text, *bulk)
    if parsed.problem:
        return SqlText(text, problem=parsed.problem, why=parsed.why)
    try:
        return _understand_tree(text, parsed.tree.stmts)
    except RecursionError:  # the caller's own stack was deep already
        return SqlText(text, problem="oversize", why="nested too deeply")


def _understand_tree(text: str, raws: Any) -> SqlText:
    if len(raws) == 1:
        return SqlText(text, (describe(raws[0].stmt, text),))
    data = text.encode()
    flags = ("multi-statement",)
    return SqlText(text, tuple(describe(raw.stmt, _slice(data, raw), flags) for raw in raws))


def _slice(data: bytes, raw: Any) -> str:
    """The text of one statement among several; positions count bytes, and no length means to the end."""
    end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(data)
    return data[raw.stmt_location : end].decode().strip()


def _understand_bulk(text: str, head: str, literals: tuple[str, ...]) -> SqlText:
    """A long INSERT of constants: the facts of its first row are those of every row."""
    known = understand(head)
    if known.problem or len(known.statements) != 1:
        return SqlText(text, problem="oversize", why="an INSERT that cannot be shortened")
    return SqlText(text, (replace(known.statements[0], text=text, literals=literals),))


def describe(node: Any, text: str = "", flags: tuple[str, ...] = ()) -> Statement:
    """What one parsed statement does. `node` is the grammar's Node."""
    which = node.WhichOneof("node") or ""
    name = FIELDS.get(which, "")
    kind = KINDS.get(name)
    if kind is None:
        return Statement("unknown", PROBLEM_FACTS["unknown"], text)
    found = Found()
    for flag in flags:
        found.flag(flag)
    Walk(found, BY_TYPE, BY_FIELD).statement(node, Scope())
    return _statement(found, kind, getattr(node, which), text)


def _statement(found: Found, kind: str, tree: Any, text: str) -> Statement:
    extra = found.extra
    kind = kind or extra.get("kind", "unknown")
    found.values["kind"] = {kind}
    if not extra and not found.sets and kind not in CHANGES_CATALOGUE:
        return Statement(kind, found.facts(), text, tree, literals=tuple(found.literals))
    inner = describe(extra["inner_node"]) if "inner_node" in extra else None
    return Statement(
        kind,
        found.facts(),
        text,
        tree,
        inner,
        **{field: extra.get(field, "") for field in _NAMES},
        copy=_copy(extra.get("copy"), inner),
        sets=tuple(found.sets),
        resets_all=found.resets_all,
        changes_catalogue=kind in CHANGES_CATALOGUE or extra.get("changes_catalogue", False),
        literals=tuple(found.literals),
    )


_NAMES = ("prepares", "executes", "deallocates", "declares", "fetches", "closes")


def _copy(copy: Copy | None, inner: Statement | None) -> Copy | None:
    return copy if copy is None or inner is None else replace(copy, query=inner)


def digest_text(text: str) -> bytes:
    """The canonical bytes of a text for approvals: exactly what was sent, less what ends it (A3)."""
    return text.rstrip(" \t\r\n\f\v;").encode("utf-8", "surrogatepass")


def reason_of(text: str) -> str:
    """What the comment `-- reason: …` says, for approvers. Only words for people: nothing is decided by it."""
    match = _REASON.search(text)
    return match[1].strip()[:_LONGEST_REASON] if match else ""
