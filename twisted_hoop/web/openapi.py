"""The OpenAPI 3.1 document, made from the routes and the types they name: it cannot say what is not so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from twisted_hoop import __version__
from twisted_hoop.model import Principal
from twisted_hoop.web import shapes
from twisted_hoop.web.calls import Call, Reply

_REFERENCE = "#/components/schemas/{model}"
_ID = {
    "name": "ident",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
}
_ABOUT = "Errors are problem details (RFC 9457). What somebody may not see is answered like what is not there."


class Described(Protocol):
    """What is read of an endpoint; `routes.Endpoint` is one."""

    @property
    def handler(self) -> Any:
        """Its docstring is `METHOD /path: what it does`."""

    @property
    def access(self) -> str:
        """Who it is for."""

    @property
    def query(self) -> type[BaseModel] | None:
        """What may stand behind the `?`."""

    @property
    def body(self) -> type[BaseModel] | None:
        """What is sent."""

    @property
    def form(self) -> type[BaseModel] | None:
        """The same where it is sent as a form."""

    @property
    def answer(self) -> Any:
        """A type, or a media type."""

    @property
    def status(self) -> int:
        """Of a call that went well."""


class Document:
    """The handler of GET /v1/openapi.json; made once, when it is first asked for: until then `table` may grow."""

    def __init__(self, table: Sequence[tuple[str, str, Described]]) -> None:
        self._table = table
        self._made: dict[str, Any] | None = None

    async def show(self, call: Call, principal: Principal | None) -> Reply:
        """GET /v1/openapi.json: this document."""
        if self._made is None:
            self._made = document_of(self._table)
        return Reply(self._made)


def document_of(table: Iterable[tuple[str, str, Described]]) -> dict[str, Any]:
    """The document of these routes."""
    rows = list(table)
    paths: dict[str, Any] = {}
    for method, path, endpoint in rows:
        written = re.sub(r"<id:(\w+)>", r"{\1}", path)
        paths.setdefault(written, {})[method.lower()] = _operation(method, written, endpoint)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "twisted-hoop", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": _schemas(rows), "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(method: str, path: str, endpoint: Described) -> dict[str, Any]:
    about = (endpoint.handler.__doc__ or "").strip()
    summary = about.partition(": ")[2].partition("\n")[0] or about.partition("\n")[0]
    found: dict[str, Any] = {
        "operationId": _name(method, path),
        "summary": summary,
        "tags": [path.split("/")[2] if path.startswith("/v1/") else "process"],
        "parameters": [*([_ID] if "{ident}" in path else []), *_parameters(endpoint.query)],
        "responses": {str(endpoint.status): _answer(endpoint.answer), "default": _problem()},
        "security": [] if endpoint.access != "bearer" else [{"bearer": []}],
    }
    if endpoint.body is not None:
        found["requestBody"] = {"required": True, "content": _json({"$ref": _ref(endpoint.body.__name__)})}
    if endpoint.form is not None:
        content = {"application/x-www-form-urlencoded": {"schema": {"$ref": _ref(endpoint.form.__name__)}}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _name(method: str, path: str) -> str:
    words = re.split(r"[^A-Za-z0-9]+", path.replace("{ident}", "one").removeprefix("/v1").strip("/"))
    return "_".join((method.lower(), *words))


def _parameters(query: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    if query is None:
        return
    schema = query.model_json_schema(ref_template=_REFERENCE)
    for name, entry in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": _plain(entry)}


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not sent is None; nobody can send null."""
    choices = [each for each in entry.get("anyOf", ()) if each != {"type": "null"}]
    return {**choices[0]} if len(choices) == 1 else {key: value for key, value in entry.items() if key != "title"}


def _answer(answer: Any) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"description": "well", "content": {answer: {"schema": {"type": "string"}}}}
    schema = {"type": "object"} if answer in (None, dict[str, Any]) else {"$ref": _ref(answer.__name__)}
    return {"description": "well", "content": _json(schema)}


def _problem() -> dict[str, Any]:
    schema = {"$ref": _ref(shapes.ProblemDetails.__name__)}
    return {"description": "a problem", "content": {"application/problem+json": {"schema": schema}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> str:
    return _REFERENCE.format(model=name)


def _schemas(table: Iterable[tuple[str, str, Described]]) -> dict[str, Any]:
    rows = list(table)
    bodies = {body for _, _, endpoint in rows for body in (endpoint.body, endpoint.form) if body is not None}
    ordered = sorted(bodies, key=lambda model: model.__name__)
    found = models_json_schema([(model, "validation") for model in ordered], ref_template=_REFERENCE)[1].get(
        "$defs", {}
    )
    answers = {a for _, _, e in rows if isinstance(a := e.answer, type) and a is not dict}
    for answer in sorted({*answers, shapes.ProblemDetails}, key=lambda each: each.__name__):
        schema = TypeAdapter(answer).json_schema(ref_template=_REFERENCE)
        found |= schema.pop("$defs", {})
        found[answer.__name__] = schema
    return dict(sorted(found.items()))
