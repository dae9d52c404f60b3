"""The what-part of rules: does it concern this statement? Two readings of the same keys.

To permit, a rule must cover everything the statement does: every class, kind, table … of its facts, and there must be
one, for a rule about tables says nothing of a statement without tables (`select some_function()`); "" in a list of
schemas, tables, columns or functions stands for having none. To forbid or to ask for review, one thing that matches is
enough.

What was not understood has class `unknown`, and is never permitted by a rule that does not name that class. A function
that is not PostgreSQL's own can do anything (P13): a rule must name functions, or class `dynamic`, to permit its call.
A rule that permits programs or commands says nothing of the files a shell writes for them (`echo x >file`): it must
name paths, or the flag `redirect-write`, to permit that too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from twisted_hoop.model import Facts
from twisted_hoop.policy.columns import ForbiddenColumns, PermittedColumns
from twisted_hoop.policy.destinations import names_itself
from twisted_hoop.policy.globs import GlobCovered, GlobMeets
from twisted_hoop.policy.names import Forbidden, Names, Permitted
from twisted_hoop.policy.patterns import Patterns, named_by
from twisted_hoop.policy.programs import PermittedPrograms
from twisted_hoop.policy.resources import ForbiddenResources, PermittedResources
from twisted_hoop.settings import RuleSection

GUARDED = frozenset({
    "unknown", "oversize", "dynamic", "program", "file", "encoding", "execute", "cursor",
    "forward", "listen", "agent", "x11", "proxy", "escape", "websocket",
})  # fmt: skip
"""Classes whose effect cannot be known or reaches outside: an allow rule must name them; `.*` does not.

`execute` and `cursor` are left only where the relay could not tell what a name stands for."""

REDIRECT_WRITE = "redirect-write"
"""Flag of a shell command whose output the shell itself writes to a file."""

USER_FUNCTION = "user-function"
"""Flag of a statement that calls a function which is not PostgreSQL's own."""

CLASSES = GUARDED | {
    "read", "write", "ddl", "privilege", "session", "transaction", "administration", "maintenance", "notify", "copy-in",
    "copy-out", "large-object", "function-call",
    "exec", "shell", "subsystem", "transfer", "file-read", "file-write", "file-remove", "file-change", "attach",
    "discovery",
}  # fmt: skip
"""Every class there is."""

FLAGS = frozenset({
    "no-where", "explain", "explain-analyze", "multi-statement", "masked-predicate", "cascade", "concurrently",
    "copy-program", "locks", "oracle", "returning", "security-definer", "sleeps", "temp", "writing-cte", USER_FUNCTION,
    "recursive", "force", "privileged", "pipe-to-shell", "background", REDIRECT_WRITE, "remove", "glob",
    "listing", "dry-run",
})  # fmt: skip
"""Every flag there is."""

VERBS = frozenset({
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "connect",
    "post", "put", "head",
})  # fmt: skip
"""Every verb there is; the last three are of requests that are about no resource."""

NONE = ""
"""In an allow rule's schemas, tables, columns, functions, arguments, paths, destinations, content_types, namespaces or
names: what has none is covered as well."""

_WORDS = (
    ("commands", "command"), ("arguments", "argument"), ("paths", "path"), ("destinations", "destination"),
    ("methods", "method"), ("hosts", "host"), ("content_types", "content_type"), ("api_groups", "api_group"),
    ("namespaces", "namespace"), ("names", "name"),
)  # fmt: skip
"""Keys of rules on what shells, forwards and requests do, and their facts; `…_glob` holds those that are yet to be
expanded."""

WhatTest = Callable[[Facts], bool]
_NONE: frozenset[str] = frozenset()
_UNKNOWN = frozenset({"unknown"})
_ALIKE = {
    "connect": frozenset({"connect", "get", "create"}),
    "list": frozenset({"list", "get"}),
    "watch": frozenset({"watch", "list", "get"}),
    "deletecollection": frozenset({"deletecollection", "delete"}),
}
"""Verb → what it comes to: to forbid one of those forbids it (K5). What clusters call it that the verb is `connect`; a
list is all of what `get` would show, a watch begins with a list."""


@dataclass(frozen=True, slots=True)
class WhatCheck:
    """One selector: `label` is its key in the configuration, `holds` whether prepared facts meet it."""

    label: str
    holds: WhatTest


def prepared(facts: Facts) -> Facts:
    """The facts as the checks read them: `table` holds every table, and what has no class has class `unknown`."""
    tables = facts.get("table", _NONE) | facts.get("table_read", _NONE) | facts.get("table_write", _NONE)
    return {**facts, "table": tables, "class": facts.get("class") or _UNKNOWN}


def what_checks(rule: RuleSection) -> tuple[WhatCheck, ...]:
    """The selectors of a rule, cheap ones first; all must hold."""
    checks = _permitting(rule) if rule.effect == "allow" else _forbidding(rule)
    return tuple(WhatCheck(label, holds) for label, holds in checks)


def _permitting(rule: RuleSection) -> Iterator[tuple[str, WhatTest]]:
    yield "classes", _covers_classes(rule.classes)
    if rule.access:
        yield "access", _covers("access", frozenset(rule.access).__contains__)
    if rule.statements:
        yield "statements", _covers("kind", Patterns(rule.statements).matches)
    if rule.flags:
        yield "flags", _covers("flag", Patterns(rule.flags).matches)
    if rule.schemas:
        yield "schemas", _covers_schemas(Patterns(_some(rule.schemas)), NONE in rule.schemas)
    if rule.tables:
        yield "tables", _covers("table", Permitted(_some(rule.tables), 2).matches, NONE in rule.tables)
    if rule.columns:
        yield "columns", _covers("column", PermittedColumns(_some(rule.columns)).matches, NONE in rule.columns)
    if rule.functions:
        covered = Permitted(_some(rule.functions), 2, home="pg_catalog").matches
        yield "functions", _covers("function", covered, NONE in rule.functions)
    elif not _names_user_functions(rule):
        yield "functions", lambda facts: USER_FUNCTION not in facts.get("flag", _NONE)
    yield from _permitting_words(rule)


def _permitting_words(rule: RuleSection) -> Iterator[tuple[str, WhatTest]]:
    if rule.verbs:
        yield "verbs", _covers("verb", Patterns(rule.verbs).matches)
    if rule.resources:
        yield "resources", _covers("resource", PermittedResources(rule.resources, bool(rule.api_groups)).matches)
    if rule.programs:
        programs = PermittedPrograms(rule.programs)
        yield "programs", lambda facts: programs.covers(facts.get("program", _NONE))
    for key, attribute in _WORDS:
        given = getattr(rule, key)
        if given:
            yield key, _covers_words(attribute, Patterns(_some(given)), NONE in given)
    named = frozenset(rule.destinations)
    yield "destinations", lambda facts: names_itself(facts.get("destination", _NONE), named)  # S11
    if (rule.programs or rule.commands) and not rule.paths and REDIRECT_WRITE not in rule.flags:
        yield "paths", lambda facts: REDIRECT_WRITE not in facts.get("flag", _NONE)


def _covers_words(attribute: str, patterns: Patterns, absent: bool) -> WhatTest:
    plainly = _covers(attribute, patterns.matches, absent)
    glob, expanded = f"{attribute}_glob", GlobCovered(patterns)
    return lambda facts: plainly(facts) and all(map(expanded.matches, facts.get(glob, _NONE)))


def _forbidding(rule: RuleSection) -> Iterator[tuple[str, WhatTest]]:
    if rule.classes:
        yield "classes", _meets_class(Patterns(rule.classes, odd=True))
    if rule.access and not rule.tables:
        yield "access", _meets("access", lambda values: not values.isdisjoint(rule.access))
    if rule.statements:
        yield "statements", _meets("kind", Patterns(rule.statements, odd=True).any_of)
    if rule.flags:
        yield "flags", _meets("flag", Patterns(rule.flags, odd=True).any_of)
    if rule.schemas:
        yield "schemas", _meets_schemas(Patterns(rule.schemas, odd=True))
    if rule.tables:
        yield "tables", _meets_tables(Forbidden(rule.tables, 2), frozenset(rule.access))
    if rule.columns:
        yield "columns", _meets_names("column", ForbiddenColumns(rule.columns))
    if rule.functions:
        yield "functions", _meets_names("function", Forbidden(rule.functions, 2))
    if rule.programs:
        yield "programs", _meets("program", _meets_program(Patterns(rule.programs, odd=True)))
    if rule.verbs:
        yield "verbs", _meets_verb(Patterns(rule.verbs, odd=True))
    if rule.resources:
        resources = ForbiddenResources(rule.resources)
        yield "resources", _meets("resource", lambda values: any(map(resources.matches, values)))
    for key, attribute in _WORDS:
        if given := getattr(rule, key):
            yield key, _meets_words(attribute, Patterns(given, odd=True), GlobMeets(given))


def _meets_class(patterns: Patterns) -> WhatTest:
    """`class_alike` is what a request is besides, to be forbidden as well: who mints a way round writes (K12)."""
    return lambda facts: patterns.any_of(facts.get("class", _NONE)) or patterns.any_of(facts.get("class_alike", _NONE))


def _meets_verb(patterns: Patterns) -> WhatTest:
    """`verb_alike` are verbs that a request has the effect of: to be forbidden as well, and no more."""

    def holds(facts: Facts) -> bool:
        alike = patterns.any_of(facts.get("verb_alike", _NONE))
        return alike or any(patterns.any_of(_ALIKE.get(verb, (verb,))) for verb in facts.get("verb", _NONE))

    return holds


def _meets_program(patterns: Patterns) -> Callable[[frozenset[str]], bool]:
    return lambda programs: patterns.any_of(programs) or patterns.any_of(p.rpartition("/")[2] for p in programs)


def _meets_words(attribute: str, patterns: Patterns, globs: GlobMeets) -> WhatTest:
    glob = f"{attribute}_glob"
    return lambda facts: patterns.any_of(facts.get(attribute, _NONE)) or any(map(globs.matches, facts.get(glob, _NONE)))


def _covers_classes(patterns: list[str]) -> WhatTest:
    covered = Patterns(patterns).matches if patterns else lambda _: True
    refused = GUARDED.difference(*(named_by(p, GUARDED) for p in patterns))

    def holds(facts: Facts) -> bool:
        classes = facts["class"]
        return refused.isdisjoint(classes) and all(map(covered, classes))

    return holds


def _covers(attribute: str, covered: Callable[[str], bool], absent: bool = False) -> WhatTest:
    """Every value is covered; `absent` is the answer when there is none."""

    def holds(facts: Facts) -> bool:
        values = facts.get(attribute)
        return all(map(covered, values)) if values else absent

    return holds


def _names_user_functions(rule: RuleSection) -> bool:
    return any(named_by(p, ["dynamic"]) for p in rule.classes) or any(named_by(p, [USER_FUNCTION]) for p in rule.flags)


def _schema_of(table: str) -> str:
    schema, dot, _ = table.rpartition(".")
    return schema if dot else "public"


def _some(patterns: list[str]) -> list[str]:
    return [pattern for pattern in patterns if pattern != NONE]


def _covers_schemas(schemas: Patterns, absent: bool) -> WhatTest:
    def holds(facts: Facts) -> bool:
        found = facts.get("schema", _NONE) | {_schema_of(table) for table in facts["table"]}
        return schemas.all_of(found) if found else absent

    return holds


def _meets(attribute: str, met: Callable[[frozenset[str]], bool]) -> WhatTest:
    def holds(facts: Facts) -> bool:
        values = facts.get(attribute)
        return bool(values) and met(values or _NONE)

    return holds


def _meets_names(attribute: str, names: Names) -> WhatTest:
    return _meets(attribute, lambda values: _any(names, values))


def _meets_tables(names: Names, access: frozenset[str]) -> WhatTest:
    def holds(facts: Facts) -> bool:
        return _any(names, _accessed(facts, access))

    return holds


def _accessed(facts: Facts, access: frozenset[str]) -> frozenset[str]:
    """The tables the access concerns; all of them where the facts do not tell reading from writing."""
    if len(access) != 1 or not (facts.get("table_read") or facts.get("table_write")):
        return facts["table"]
    return facts.get("table_write" if "write" in access else "table_read", _NONE)


def _meets_schemas(schemas: Patterns) -> WhatTest:
    def holds(facts: Facts) -> bool:
        if schemas.any_of(facts.get("schema", _NONE)):
            return True
        # A table without schema may lie in any: see names.py.
        return any("." not in table or schemas.matches(_schema_of(table)) for table in facts["table"])

    return holds


def _any(names: Names, values: Iterable[str]) -> bool:
    return any(map(names.matches, values))
