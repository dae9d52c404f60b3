"""Bodies of API servers for tests of masking: filters in one line, objects with values nobody may see."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from twisted_hoop.http.dialect import BodyFilter, BodyRefused
from twisted_hoop.http.messages import Framing, Headers, RequestHead, ResponseHead
from twisted_hoop.kubernetes.bodies import Bodies
from twisted_hoop.kubernetes.lists import ObjectStream
from twisted_hoop.kubernetes.objects import Hiding, Objects
from twisted_hoop.kubernetes.requests import KubeRequest, read_request
from twisted_hoop.kubernetes.sentinels import MARK, Sentinels
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.places import Places
from twisted_hoop.settings import MaskSection, TargetSection

KEY = b"k" * 32
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SECRETS = MaskSection(name="secrets")
"""What hides nothing but what every mask of responses hides."""
JSON = "application/json"


def b64(text: str) -> str:
    """As values of Secrets are written."""
    return base64.b64encode(text.encode()).decode()


def compact(thing: Any) -> bytes:
    """As API servers write it."""
    return json.dumps(thing, separators=(",", ":")).encode()


def section(**more: Any) -> TargetSection:
    """A target."""
    return TargetSection.model_validate({"name": "prod", "protocol": "kubernetes", "endpoint": "tcp:k:443", **more})


def bodies(*masks: MaskSection, **more: Any) -> Bodies:
    """Of a target with these masks; with none said, SECRETS."""
    return Bodies(section(**more), KEY, masks or (SECRETS,))


def asked(line: str = "GET /api/v1/secrets") -> tuple[KubeRequest, RequestHead]:
    """A request."""
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    head = RequestHead(method.encode(), path.encode(), query.encode(), b"h", (), Framing.NONE)
    return read_request(head.method, head.path, head.query), head


def answer(told: str = JSON, status: int = 200, framing: Framing = Framing.CHUNKED, **headers: str) -> ResponseHead:
    """The head of an answer."""
    more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    kind: Headers = ((b"content-type", told.encode()),) if told else ()
    return ResponseHead(status, b"", (*kind, *more), framing)


def answered(line: str, response: ResponseHead, *masks: MaskSection, **more: Any) -> BodyFilter | None:
    """The filter of an answer."""
    request, head = asked(line)
    chosen = masks or (SECRETS,)
    return bodies(*chosen, **more).response_body(request, head, response, chosen)


def through(looked: BodyFilter | None, *pieces: bytes) -> bytes:
    """What leaves."""
    assert looked is not None
    return b"".join(looked.feed(piece) + looked.idle() for piece in pieces) + looked.flush()


def shown(line: str, thing: Any, *masks: MaskSection, **more: Any) -> Any:
    """A document as the client has it."""
    return json.loads(through(answered(line, answer(), *masks, **more), compact(thing)))


def status_of(error: BodyRefused) -> dict[str, Any]:
    """What the client is told."""
    told: dict[str, Any] = json.loads(error.answer.body)
    assert told["kind"] == "Status" and told["code"] == error.answer.status
    return told


def written(line: str, told: str, body: bytes, *masks: MaskSection, **more: Any) -> bytes:
    """A body as the target is sent it. Raises BodyRefused."""
    request, head = asked(line)
    headers = ((b"content-type", told.encode()),) if told else ()
    head = RequestHead(head.method, head.path, head.query, b"h", headers, Framing.LENGTH, len(body))
    chosen = masks or (SECRETS,)
    looked = bodies(*chosen, **more).request_body(request, head, chosen)
    return through(looked, body) if looked is not None else body


def hiding(*patterns: str, names: tuple[str, ...] = (), releases: bool = False, strategy: str = "redact") -> Hiding:
    """What is hidden by these places and names of members."""
    masks = [
        MaskSection.model_validate({"name": "m", "objects": [*patterns], "fields": [*names], "strategy": strategy})
    ]
    return Hiding(Places(masks), Fields(masks, KEY) or None, Sentinels(KEY, "prod"), releases)


def objects(*patterns: str, line: str = "GET /api/v1/secrets", **more: Any) -> Objects:
    """One body's."""
    return Objects(hiding(*patterns, **more), asked(line)[0])


def stream(*patterns: str, line: str = "GET /api/v1/secrets", **more: Any) -> ObjectStream:
    """One body."""
    return ObjectStream(objects(*patterns, line=line, **more))


def secret(name: str = "s", password: str = "hunter2-very-secret", **metadata: Any) -> dict[str, Any]:
    """A Secret."""
    told = {"name": name, "namespace": "default", "resourceVersion": "17", **metadata}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": told, "data": {"password": b64(password)}}


def is_sentinel(value: Any) -> bool:
    """Whether it is one, as text or in base64."""
    if not isinstance(value, str):
        return False
    if value.startswith(MARK.decode()):
        return True
    try:
        return base64.b64decode(value, validate=True).startswith(MARK)
    except ValueError:
        return False


def encodings(value: str) -> Iterator[bytes]:
    """A value as it may stand in a body: as it is, as JSON has it, in base64 at any place, in hexadecimal digits."""
    raw = value.encode()
    yield raw
    yield json.dumps(value).encode()[1:-1]
    yield raw.hex().encode()
    for skip in range(3):
        piece = raw[skip : skip + (len(raw) - skip) // 3 * 3]
        if len(piece) >= 9:
            yield base64.b64encode(piece)
