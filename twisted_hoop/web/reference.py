"""docs/reference/http-api.md, made from the routes: `python -m twisted_hoop.web.reference > …`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

from twisted_hoop.web.openapi import document_of
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.routes import make_table
from twisted_hoop.web.ways import Ways

_HEAD = """\
# The HTTP API

Made from the routes by `python -m twisted_hoop.web.reference`: change the handlers and the types they name. How to
log in, page and watch is in [API](../api.md); a running gateway answers `GET /v1/openapi.json` with the same.

Errors are problem details (RFC 9457, `application/problem+json`): `type`, `title`, `status`, `detail`. What somebody
may not see is answered like what is not there.
"""


def reference(document: dict[str, Any]) -> str:
    """The whole page, from an OpenAPI document."""
    return "\n".join((_HEAD, *_calls(document), "## Types\n", *_types(document)))


def the_document() -> dict[str, Any]:
    """What any gateway answers: the routes without a gateway behind them."""
    parts: dict[str, Any] = {field.name: None for field in dataclasses.fields(Parts)}
    return document_of(make_table(Parts(**parts | {"ways": object.__new__(Ways)}), None))


def _calls(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield f"## {method.upper()} {path}\n"
            yield f"{_plain(call['summary'])}{'' if call['security'] else ' Needs no token.'}\n"
            wanted = [each for each in call["parameters"] if each["in"] == "query"]
            if wanted:
                rows = (f"| `{each['name']}` | {_type(each['schema'])} |" for each in wanted)
                yield "\n".join(("| query | type |", "|---|---|", *rows)) + "\n"
            if "requestBody" in call:
                yield f"Body: {_content(call['requestBody']['content'])}.\n"
            status = next(status for status in call["responses"] if status != "default")
            yield f"Answer: {status}, {_content(call['responses'][status]['content'])}.\n"


def _types(document: dict[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        about = _plain(schema.get("description", "").partition("\n\n")[0])
        required = set(schema.get("required", ()))
        yield f"### {name}\n\n{about}\n"
        rows = [
            f"| `{key}`{'' if key in required else ' (may be missing)'} | {_type(entry)} |"
            for key, entry in schema.get("properties", {}).items()
        ]
        if rows:
            yield "\n".join(("| member | type |", "|---|---|", *rows)) + "\n"


def _content(content: dict[str, Any]) -> str:
    ((media, entry),) = content.items()
    return _type(entry["schema"]) if media == "application/json" else f"`{media}`"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{each}`" for each in schema.get("enum", (schema.get("const"),)))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _plain(text: str) -> str:
    words = " ".join(text.split()).replace("<", "&lt;")
    return words[:1].upper() + words[1:]


if __name__ == "__main__":
    sys.stdout.write(reference(the_document()))
