"""docs/reference/configuration.md, made from the schema: `python -m twisted_hoop.config.reference > …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from twisted_hoop.config.schema import json_schema

_HEAD = """\
# The configuration file

Made from `twisted_hoop/settings/` by `python -m twisted_hoop.config.reference`: change the docstrings there.

One TOML file, read whole: an unknown key, a pattern that does not compile or a name that does not exist is an error,
every error is told at once as `hoop.toml:7: targets.0.tls: what to do`, and the gateway does not start with one.
`hoop config check FILE` looks without starting anything; `hoop config schema` prints the JSON Schema for your editor.

* **Durations** are written `"30s"`, `"5m"`, `"2h"` or `"1d"`; a bare number is seconds.
* **Patterns** are [RE2](https://github.com/google/re2/wiki/Syntax) and match the whole value. A pattern without any of
  `\\ ^ $ * + ? { } [ ] ( ) |` is plain text, in which a dot is a dot.
* **Files** that are not absolute are taken from the folder of the configuration file.
* **Secrets** are references: `env:NAME`, `file:PATH` (mode 0600) or `vault:PATH#FIELD`.

An annotated example is [`etc/hoop.toml`](../../etc/hoop.toml); rules for common tasks are in the
[policy cookbook](../policy-cookbook.md).
"""
_EMPTY = '""'


def reference() -> str:
    """The whole page."""
    schema = json_schema()
    parts = [_HEAD]
    for name, entry in schema["properties"].items():
        several = entry.get("type") == "array"
        part = _definition(schema, entry["items"] if several else entry)
        parts.extend(_section(schema, name, part, several))
    return "\n".join(parts)


def _section(schema: dict[str, Any], name: str, part: dict[str, Any], several: bool) -> Iterator[str]:
    yield f"## {f'[[{name}]]' if several else f'[{name}]'}\n\n{_about(part)}\n\n{_table(schema, part)}"
    for key, entry in part["properties"].items():
        if "$ref" in entry or "$ref" in entry.get("items", ()):
            inner = _definition(schema, entry if "$ref" in entry else entry["items"])
            title = f"[{name}.{key}]" if "$ref" in entry else f"[[{name}.{key}]]"
            yield f"### {title}\n\n{_about(inner)}\n\n{_table(schema, inner)}"


def _definition(schema: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][entry["$ref"].rpartition("/")[2]]
    return found


def _about(part: dict[str, Any]) -> str:
    text: str = part["description"].partition(": ")[2]
    return text[:1].upper() + text[1:]


def _table(schema: dict[str, Any], part: dict[str, Any]) -> str:
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    required = part.get("required", ())
    for name, entry in part["properties"].items():
        if "$ref" not in entry and "$ref" not in entry.get("items", ()):
            default = "**required**" if name in required else _default(entry["default"])
            lines.append(f"| `{name}` | {_value(entry)} | {default} | {_cell(entry.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{_cell(json.dumps(value))}`"


def _value(entry: dict[str, Any]) -> str:
    if "enum" in entry or "const" in entry:
        return " · ".join(f"`{_cell(v) or _EMPTY}`" for v in entry.get("enum", [entry.get("const")]))
    if entry.get("type") == "array":
        return f"list of {_value(entry['items'])}"
    if isinstance(entry.get("type"), list):
        return "duration" + (f", at most {entry['maximum']:g}s" if "maximum" in entry else "")
    if entry.get("type") == "integer":
        return "number" + _bounds(entry)
    return {"string": "text", "boolean": "true · false", "object": "table"}[entry["type"]]


def _bounds(entry: dict[str, Any]) -> str:
    low, high = entry.get("minimum"), entry.get("maximum")
    if high is not None:
        return f" from {low} to {high}"
    return f" from {low}" if low is not None else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
