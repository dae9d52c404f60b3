"""What is submitted: the body of a request as it is judged, and as approvers see it. Pure.

An approval is for exactly these bytes (their digest is in the command's context), so people are shown what they are,
but for what no recording may hold: values of Secrets, tokens, copies of them in annotations, and whatever masks hide in
answers (A3, M12).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.dialect import Reading
from twisted_hoop.kubernetes.facts import WRITES, applied, flagged, named
from twisted_hoop.kubernetes.protobuf import MAGIC, fields
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.model import Facts

LONGEST = 3 * 1024 * 1024
"""Bytes of a body: what API servers themselves take."""
_APPLY = b"application/apply-patch"
_HIDDEN = "…"
_SECRET_MEMBERS = frozenset({"data", "stringData"})
_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_TOKEN_TYPES = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
"""Secrets of the first type the cluster fills with a token; one of the second is a token, by which nodes join."""
_DEEPEST = 150


def judged(
    request: KubeRequest, reading: Reading, body: bytes, kind: bytes = b"", hide: Callable[[Any], Any] | None = None
) -> Reading:
    """The reading with what a body of that Content-Type tells. `hide` hides in what is shown of it.

    Raises ProtocolError (413) for one that is too long.
    """
    if len(body) > LONGEST:
        raise ProtocolError(f"the body is longer than {LONGEST} bytes", code="413")
    if not body:
        return reading
    document = _document(body)
    if kind.startswith(_APPLY):
        reading = replace(reading, facts=tuple(map(applied, reading.facts)))
    facts = tuple(_with_body(request, each, body, document) for each in reading.facts)
    return replace(reading, facts=facts, parameters=(_shown(request, body, document, hide),), wants=0)


def _document(body: bytes) -> Any:
    """The body as a value, None for what is no JSON. Raises ProtocolError for one that readers take differently."""
    if body.startswith(MAGIC):
        return None
    try:
        document = orjson.loads(body)
    except ValueError:
        return None
    try:
        json.loads(body, object_pairs_hook=_once)
    except RecursionError:
        raise ProtocolError("the body is nested too deep") from None
    return document


def _once(pairs: list[tuple[str, Any]]) -> None:
    """A name that stands twice: servers merge such members, others take the last, so what was seen is not what runs."""
    if len(dict.fromkeys(name for name, _ in pairs)) != len(pairs):
        raise ProtocolError("the body says a name twice (A3)")


def _with_body(request: KubeRequest, facts: Facts, body: bytes, document: Any) -> Facts:
    if request.verb in ("delete", "deletecollection"):
        # Where there is a body, API servers take the options from it, and nothing from the query.
        return flagged(facts, isinstance(document, dict) and document.get("dryRun") == ["All"])
    if request.verb == "create" and not request.name:
        name = _name(document) if isinstance(document, dict) else _packed_name(body)
        facts = named(facts, name) if name else facts
    if not _mints(request, body, document):
        return facts
    return {**facts, "class": frozenset({"escape"}), "class_alike": WRITES}


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _packed_name(body: bytes) -> str:
    """The name of an object in protobuf: its metadata is member 1, the name of that member 1. "" when in doubt."""
    try:
        (thing,) = (content for number, content in fields(body.removeprefix(MAGIC)) if number == 2)
        (metadata,) = (content for number, content in fields(thing) if number == 1)
        (name,) = (content for number, content in fields(metadata) if number == 1)
        return name.decode() if body.startswith(MAGIC) else ""
    except ValueError:  # UnicodeDecodeError is one
        return ""


def _mints(request: KubeRequest, body: bytes, document: Any) -> bool:
    """Whether it may make a Secret that is a token, or that the cluster fills with one (K12)."""
    if request.group or request.resource != "secrets":
        return False
    if request.verb not in ("create", "update", "patch"):
        return False
    if isinstance(document, dict):
        return document.get("type") in _TOKEN_TYPES
    if document is not None:  # a JSON Patch
        body = orjson.dumps(document)
    # YAML has too many ways to write a word; clients send JSON under its name.
    elif not body.startswith(MAGIC):
        return True
    return any(word.encode() in body for word in _TOKEN_TYPES)


# -- as people see it ---------------------------------------------------------------------------------------------


def _shown(request: KubeRequest, body: bytes, document: Any, hide: Callable[[Any], Any] | None) -> str:
    secret = request.resource == "secrets"
    if document is not None:
        seen = _hidden(document, secret, 0)
        try:
            seen = seen if hide is None else hide(seen)
        except RecursionError:
            raise ProtocolError("the body is nested too deep to be shown (A3)") from None
        return orjson.dumps(seen, option=orjson.OPT_INDENT_2).decode()
    kind = "protobuf" if body.startswith(MAGIC) else "bytes"
    if kind == "protobuf" or secret or hide is not None:
        return f"({len(body)} bytes of {kind}, SHA-256 {hashlib.sha256(body).hexdigest()})"
    return body.decode("utf-8", "backslashreplace")


def _hidden(value: Any, secret: bool, depth: int) -> Any:
    """The document without values of Secrets; of a patch to one, whatever it writes."""
    if depth > _DEEPEST:
        raise ProtocolError("the body is nested too deep to be shown (A3)")
    if isinstance(value, list):
        return [_hidden_step(each) if secret and depth == 0 else _hidden(each, secret, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    secret = secret or value.get("kind") == "Secret"
    return {key: _member(key, each, secret, depth) for key, each in value.items()}


def _hidden_step(step: Any) -> Any:
    """One step of a JSON Patch (RFC 6902)."""
    if not isinstance(step, dict) or "value" not in step:
        return step
    return {**step, "value": _HIDDEN}


def _member(key: str, value: Any, secret: bool, depth: int) -> Any:
    if key == _ANNOTATION or (key == "token" and isinstance(value, str)):
        return _HIDDEN
    if secret and key in _SECRET_MEMBERS:
        return dict.fromkeys(value, _HIDDEN) if isinstance(value, dict) else _HIDDEN
    return _hidden(value, secret, depth + 1)
