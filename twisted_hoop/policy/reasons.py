"""Why nothing allowed a statement, in words for the person who sent it."""

from __future__ import annotations

from twisted_hoop.model import Decision, Effect, Facts
from twisted_hoop.policy.what import GUARDED, USER_FUNCTION

_SHOWN = 5
_WIDTH = 80


def no_rule(facts: Facts | None, version: str) -> Decision:
    """The denial when no rule matches; `facts` is None when nothing is known of the command. Its rule is ""."""
    return Decision(Effect.DENY, "", _why(facts), policy_version=version)


def _why(facts: Facts | None) -> str:
    classes = facts["class"] if facts else frozenset({"unknown"})
    if "unknown" in classes:
        return "the command was not understood, and no rule allows class unknown"
    guarded = sorted(GUARDED & classes)
    what = ", ".join(guarded or sorted(classes))
    tables = sorted(facts.get("table", ())) if facts else []
    if facts and "resource" in facts:
        return f"no rule allows {_cut(what)}{_of_resource(facts)}"
    of = f" of {_listed(tables)}" if tables and not guarded else _of_program(facts)
    if facts and USER_FUNCTION in facts.get("flag", ()):
        of += f" with functions that are not PostgreSQL's own ({_listed(sorted(facts.get('function', ())))})"
    return f"no rule allows {_cut(what)}{of}"


def _of_resource(facts: Facts) -> str:
    """The verb, the resource and where it is."""
    verb, resource = (", ".join(sorted(facts.get(name, ()))) for name in ("verb", "resource"))
    name, namespace = ("".join(facts.get(name, ())) for name in ("name", "namespace"))
    what = f" ({verb}) of {resource}" + (f" {_printable(name)}" if name not in ("", "*") else "")
    where = " in all namespaces" if namespace == "*" else f" in namespace {_printable(namespace)}" if namespace else ""
    return _cut(what) + _cut(where)


def _of_program(facts: Facts | None) -> str:
    """The names of a shell command's programs, paths left out; a transfer's or a forward's files and destinations."""
    for attribute in ("program", "destination", "path"):
        if values := facts.get(attribute) if facts else None:
            names = [value for value in sorted(values) if attribute != "program" or "/" not in value]
            return f" of {_listed([_printable(name) for name in names or sorted(values)])}"
    return ""


def _printable(text: str) -> str:
    """What is typed may be no Unicode, or move the cursor of who is told (R6, S19)."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)


def _listed(values: list[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(_cut, values[:_SHOWN])) + more


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
