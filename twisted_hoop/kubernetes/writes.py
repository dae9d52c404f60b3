"""What may be written while masks hide something: no sentinel, and no patch that reads what is hidden (M10, M11). Pure.

A client that writes back what it was shown (`kubectl replace`, server-side apply of a saved manifest, read and replace
in a program) would put the sentinel in the place of the value. It is told which field to leave out; or, when the mask
says so, values are put back (see `restoring`), which takes a look at the object as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

from twisted_hoop.http.dialect import BodyFilter, BodyRefused
from twisted_hoop.kubernetes.documents import loads
from twisted_hoop.kubernetes.patches import HiddenPlaces
from twisted_hoop.kubernetes.protobuf import MAGIC, where
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.sentinels import holds_sentinel
from twisted_hoop.kubernetes.statuses import status_answer

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a body that are looked at: API servers take three megabytes."""
JSON_PATCH: Final = b"application/json-patch+json"


class PuttingBack(Protocol):
    """Who puts values back: `why` says what it cannot do with this body, "" when it can."""

    why: str

    def needed(self, body: bytes, otherwise: BodyRefused) -> BodyRefused:
        """What must be looked up for it (a Lookup), or `otherwise`."""


class WriteGuard:
    """A BodyFilter that keeps the body, looks at it, and gives it to the next filter. `hidden`: see `patches`."""

    def __init__(
        self,
        request: KubeRequest,
        kind: bytes,
        hidden: HiddenPlaces | None,
        inner: BodyFilter | None = None,
        back: PuttingBack | None = None,
    ) -> None:
        self.masked = 0
        self._request = request
        self._back = back
        self._patch = hidden if kind == JSON_PATCH else None
        self._inner = inner
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """See BodyFilter."""
        self._kept.append(data)
        self._size += len(data)
        if self._size > LONGEST:
            raise refused(self._request, 413, f"the body is longer than {LONGEST} bytes")
        return b""

    def idle(self) -> bytes:
        """See BodyFilter."""
        return b""

    def flush(self) -> bytes:
        """See BodyFilter. Raises BodyRefused before anything was sent."""
        body, self._kept = b"".join(self._kept), []
        holds = holds_sentinel(body)
        if holds and self._back is None:
            raise written(self._request, _place(body))
        if self._patch is not None:
            self._look_at(self._patch, body)
        body = self._looked_at(body)
        if holds and self._back is not None:  # what masks look for in the body is not what is put back
            raise self._back.needed(body, written(self._request, _place(body), self._back.why))
        return body

    def _looked_at(self, body: bytes) -> bytes:
        if self._inner is None:
            return body
        try:
            body = self._inner.feed(body) + self._inner.flush()
        except BodyRefused as error:
            raise refused(self._request, error.answer.status, str(error)) from None
        self.masked = self._inner.masked
        return body

    def _look_at(self, hidden: HiddenPlaces, body: bytes) -> None:
        try:
            reads = hidden.refused(loads(body))
        except ValueError as error:
            raise refused(self._request, 400, f"the patch cannot be read: {error}") from None
        if reads:
            raise refused(self._request, 403, f"the patch reads or shows what is hidden: {reads}")


class BytesLook:
    """A BodyFilter over protobuf: masks on what goes in find values among its bytes, and can only refuse."""

    def __init__(self, request: KubeRequest, masks: tuple[Any, ...]) -> None:
        self.masked = 0
        self._request = request
        self._masks = masks

    def feed(self, data: bytes) -> bytes:
        """See BodyFilter. It is given the whole body at once."""
        for mask in self._masks:
            found: list[str] = []
            mask.masker.mask(data, found)
            if found:
                raise refused(self._request, 403, f"mask {mask.name} found values in the body that may not go there")
        return data

    def idle(self) -> bytes:
        """See BodyFilter."""
        return b""

    def flush(self) -> bytes:
        """See BodyFilter."""
        return b""


def refused(request: KubeRequest, status: int, message: str, **more: Any) -> BodyRefused:
    """A Status that says so."""
    about = {"name": request.name, "group": request.group, "kind": request.resource}
    details = {key: value for key, value in about.items() if value} | more
    return BodyRefused(status_answer(status, f"hoop: {message}", details), message)


def written(request: KubeRequest, place: str, why: str = "") -> BodyRefused:
    """The field holds a masked value. kubectl prints the causes, with their fields in front, and not the message."""
    why = why or (
        "holds a masked value, which would take the place of the real one: "
        "leave it out, or change the object with kubectl edit or kubectl patch"
    )
    cause = {"reason": "FieldValueInvalid", "message": f"hoop: it {why}", "field": place}
    return refused(request, 422, f"field {place} {why}", causes=[cause])


def _place(body: bytes) -> str:
    """Where the first sentinel stands."""
    if body.startswith(MAGIC):
        return where(body)
    try:
        return next(_places(loads(body), ""), "a value")
    except (ValueError, RecursionError):
        return _line(body)


def _places(thing: Any, path: str) -> Iterator[str]:
    if isinstance(thing, str):
        if holds_sentinel(thing.encode("utf-8", "surrogatepass")):
            yield path or "a value"
    elif isinstance(thing, dict):
        if isinstance(thing.get("path"), str) and "op" in thing:
            path = ".".join(filter(None, (path.rpartition("[")[0], thing["path"].strip("/").replace("/", "."))))
            yield from _places(thing.get("value"), path)
            return
        for name, value in thing.items():
            step = f"[{name}]" if "." in name or "/" in name else f".{name}"
            yield from _places(value, (path + step).lstrip("."))
    elif isinstance(thing, list):
        for at, value in enumerate(thing):
            yield from _places(value, f"{path}[{at}]")


def _line(body: bytes) -> str:
    """Of YAML: the name at the beginning of the line."""
    line = next((each for each in body.splitlines() if holds_sentinel(each)), b"")
    name = line.partition(b":")[0].strip(b" -\t\"'").decode("utf-8", "replace")
    return name if name.isprintable() and 0 < len(name) <= 200 else "a value"
