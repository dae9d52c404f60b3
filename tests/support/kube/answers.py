"""What form an answer has: JSON, protobuf, YAML; an object, a Table, metadata only (content negotiation)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from tests.support.kube import protobuf
from tests.support.kube.errors import ApiError, Json
from tests.support.kube.kinds import Kind
from tests.support.kube.tables import partial, table
from tests.support.kube.wire import Request

JSON, YAML = "application/json", "application/yaml"


@dataclass(frozen=True)
class Form:
    """A media type, and what is asked for `as`."""

    media: str
    shape: str = ""

    @property
    def stream(self) -> str:
        """The content type of a watch."""
        return f"{self.media};stream=watch" if self.media == protobuf.MEDIA_TYPE else self.media


def form_of(request: Request, kind: str, shapes: tuple[str, ...] = ("Table", "PartialObjectMetadata")) -> Form:
    """The first acceptable form by q-value and order; 406 when there is none."""
    clauses = [_clause(each) for each in request.headers("accept")] or [(JSON, {})]
    for media, parameters in sorted(clauses, key=lambda clause: -float(clause[1].get("q", "1"))):
        shape = parameters.get("as", "").removesuffix("List") if kind else parameters.get("as", "")
        if shape and (shape not in shapes or (shape == "APIGroupDiscoveryList" and parameters.get("v") != "v2")):
            continue  # v2beta1 of discovery is served no more: kubectl 1.27 asks group by group then
        if media in (JSON, "*/*", "application/*"):
            return Form(JSON, shape)
        if media == YAML and not shape:
            return Form(YAML)
        if media == protobuf.MEDIA_TYPE and not shape and protobuf.known(kind):
            return Form(media)
    message = "only the following media types are accepted: application/json, application/yaml, "
    raise ApiError(406, "NotAcceptable", message + protobuf.MEDIA_TYPE)


def _clause(text: str) -> tuple[str, dict[str, str]]:
    media, *rest = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in rest)
    return media.lower(), {name.strip(): value.strip() for name, _, value in pairs}


def shaped(form: Form, kind: Kind, found: Json, request: Request, headed: bool = True) -> Json:
    """An object or a list in the shape that was asked for."""
    listed = "items" in found
    items = found["items"] if listed else [found]
    if form.shape == "Table":
        about = found["metadata"] if listed else {"resourceVersion": found["metadata"].get("resourceVersion", "")}
        return table(kind, items, about, request.first("includeObject", "Metadata"), headed)
    if form.shape == "PartialObjectMetadata":
        if not listed:
            return partial(found)
        about = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}
        return {**about, "items": [partial(each) for each in items]}
    return found


def body_of(form: Form, found: Json, pretty: bool = False) -> bytes:
    """The bytes of an answer."""
    if form.media == protobuf.MEDIA_TYPE:
        return protobuf.encode(found)
    if form.media == YAML:
        return bytes(yaml.safe_dump(found, sort_keys=False).encode())
    return json.dumps(found, indent=2 if pretty else None, separators=None if pretty else (",", ":")).encode() + b"\n"


def read_body(request: Request) -> Any:
    """What a request carries, by its content type."""
    media = request.header("content-type").partition(";")[0].strip().lower()
    if not request.body:
        return {}
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(request.body)
    try:
        if "yaml" in media:
            return yaml.safe_load(request.body)
        if media in ("", "*/*") or media.endswith("json"):
            return json.loads(request.body)
    except (ValueError, yaml.YAMLError) as error:
        raise ApiError(400, "BadRequest", f"the body of the request was in an unknown format: {error}") from None
    raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {media}")
