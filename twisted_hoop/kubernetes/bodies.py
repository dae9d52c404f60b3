"""What is hidden in answers of API servers, what is asked for for that, and what may be written (M10, M11). Pure.

    bodies = Bodies(section, key, masks)                         # one a target
    bodies.accept(request, head)                                 # Accept and Accept-Encoding as they are sent
    bodies.request_body(request, head, masks)                    # BodyFilter | None
    bodies.response_body(request, head, response, masks)         # BodyFilter | None; may raise BodyRefused
    bodies.showing(request)                                      # what hides in a submitted document, or None

Objects are masked by the kind that comes back, not by the URL: places, members, annotations, Tables, watches. Then
detectors look at all of their text. Logs are text; what is behind proxies is read by its type, as with plain APIs. An
answer that cannot be read does not pass while masks apply (406, 502). Discovery, version and health are nobody's data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted_hoop.http.bodies import Bodies as PlainBodies
from twisted_hoop.http.dialect import BodyFilter, BodyRefused
from twisted_hoop.http.mediatypes import Look, encoding_of, look_of
from twisted_hoop.http.messages import Framing, Headers, RequestHead, ResponseHead
from twisted_hoop.kubernetes.accepting import IDENTITY, only_json, without_binary
from twisted_hoop.kubernetes.kinds import kind_of
from twisted_hoop.kubernetes.lists import ObjectStream
from twisted_hoop.kubernetes.lookups import LiveLookup
from twisted_hoop.kubernetes.objects import Hiding, Objects
from twisted_hoop.kubernetes.patches import HiddenPlaces
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.restoring import Restorable
from twisted_hoop.kubernetes.sentinels import Sentinels
from twisted_hoop.kubernetes.writes import BytesLook, WriteGuard, refused
from twisted_hoop.masking.jsonstreams import JsonSpans
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.masking.places import Places
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.settings import MaskSection, TargetSection

_REMEMBERED = 64
_HELM = ("owner=helm", "helm.sh/release", "sh.helm.release.")
_WRITES = frozenset({"create", "update", "patch"})


@dataclass(frozen=True, slots=True)
class _Made:
    """What some masks come to. `sections` are kept, so that their identities stay theirs."""

    sections: tuple[MaskSection, ...]
    masks: MaskSet
    hiding: Hiding
    spans: SpanMasker | None


class Bodies:
    """See the module. `key` is the gateway's masking key; `masks` are all the target has, None when nobody knows."""

    def __init__(self, section: TargetSection, key: bytes, masks: Sequence[MaskSection] | None = None) -> None:
        self._section = section
        self._key = key
        self._plain = PlainBodies(key, masks or ())
        self._sentinels = Sentinels(key, section.name)
        self._made: dict[tuple[int, ...], _Made] = {}
        self._hides = masks is None or any(mask.direction == "response" for mask in masks)
        self._every = self._of(masks) if masks else None

    # -- what is asked for ----------------------------------------------------------------------------------------

    def accept(self, request: KubeRequest, head: RequestHead) -> Headers:
        """The Accept and Accept-Encoding the target is sent in the place of the client's."""
        given = tuple(pair for pair in head.headers if pair[0] in (b"accept", b"accept-encoding"))
        if not self._hides or "discovery" in request.classes:
            return given
        values = [value for name, value in given if name == b"accept"]
        if request.kind == "path" or request.subresource == "log":
            return without_binary(values) + IDENTITY
        if request.verb == "connect":
            return tuple(pair for pair in given if pair[0] == b"accept") + IDENTITY
        return only_json(values, self._table(request)) + IDENTITY

    def _table(self, request: KubeRequest) -> bool:
        """Whether a Table shows nothing that is hidden: columns of what is not built in may show any member."""
        made = self._every
        known = bool(kind_of(request.group, request.resource, request.subresource))
        return known or made is None or not made.hiding.places.of_resource(request.resource)

    # -- what people are shown ------------------------------------------------------------------------------------

    def showing(self, request: KubeRequest) -> Callable[[Any], Any] | None:
        """What hides in a submitted document whatever a mask of answers would, in place (M12); None for nothing."""
        made = self._every
        if made is None or not (made.hiding.places or made.hiding.fields):
            return None
        hidden = self._hidden_places(request, made.sections)

        def shown(document: Any) -> Any:
            if isinstance(document, list):
                return document if hidden is None else [hidden.written(step) for step in document]
            objects = Objects(made.hiding, request)
            objects.hide(document, objects.kind)
            return document

        return shown

    # -- answers --------------------------------------------------------------------------------------------------

    def response_body(
        self, request: KubeRequest, head: RequestHead, response: ResponseHead, masks: Sequence[MaskSection]
    ) -> BodyFilter | None:
        """What hides values in an answer; None when nothing is to be hidden. Raises BodyRefused."""
        applying = [mask for mask in masks if mask.direction == "response"]
        if not applying or "discovery" in request.classes:
            return None
        made = self._of(applying)
        if self._section.helm_releases == "deny" and response.status < 300 and _asks_for_releases(request):
            raise refused(request, 403, "releases of Helm are not shown by this target (helm_releases)")
        if request.field_selector and response.status < 300 and _selects(request, made.hiding):
            raise refused(request, 403, "the field selector asks for what is hidden")
        if request.kind == "path" or (request.verb == "connect" and request.resource != "nodes"):
            return self._as_plain(request, response, applying)
        if response.framing is Framing.NONE:
            return ObjectFilter(request, ObjectStream(Objects(made.hiding, request)), None)
        return self._readable(request, response, applying, made)

    def _readable(
        self, request: KubeRequest, response: ResponseHead, masks: list[MaskSection], made: _Made
    ) -> BodyFilter | None:
        encoding, look = encoding_of(response.headers), look_of(response.headers)
        if encoding:
            raise refused(request, 502, f"the target's answer cannot be masked: it is encoded ({encoding})")
        if look is Look.JSON and not (request.subresource == "log" and response.status < 400):
            spans = JsonSpans(made.spans) if made.spans is not None else None
            return ObjectFilter(request, ObjectStream(Objects(made.hiding, request)), spans)
        empty = response.framing is Framing.LENGTH and not response.length
        if empty or request.subresource == "log" or request.verb == "connect" or response.status >= 400:
            return self._as_plain(request, response, masks)
        raise refused(request, 406, "the target's answer cannot be masked: it is not JSON")

    def _as_plain(self, request: KubeRequest, response: ResponseHead, masks: list[MaskSection]) -> BodyFilter | None:
        try:
            return _told(request, self._plain.response_filter(masks, response))
        except BodyRefused as error:
            raise refused(request, error.answer.status, str(error)) from None

    # -- what is written ------------------------------------------------------------------------------------------

    def request_body(self, request: KubeRequest, head: RequestHead, masks: Sequence[MaskSection]) -> BodyFilter | None:
        """What looks at a request's body; None when nothing does. It keeps the body until it has been looked at."""
        if head.framing is Framing.NONE:
            return None
        if request.kind == "path" or request.verb == "connect":
            return _told(request, self._plain.request_filter(masks, head))
        inward = [mask for mask in masks if mask.direction == "request"]
        if not inward and not self._hides:
            return None
        encoding = encoding_of(head.headers)
        if encoding:
            return _Refusing(refused(request, 415, f"the body cannot be looked at: it is encoded ({encoding})"))
        if self._section.helm_releases == "deny" and request.verb in _WRITES and _asks_for_releases(request):
            return _Refusing(refused(request, 403, "releases of Helm are not written here (helm_releases)"))
        kind = head.value(b"content-type").partition(b";")[0].strip().lower()
        hidden, inner = self._hidden_places(request, masks), self._inner(request, head, inward, kind)
        return WriteGuard(request, kind, hidden, inner, self._putting_back(request, head, kind, masks))

    def _putting_back(
        self, request: KubeRequest, head: RequestHead, kind: bytes, masks: Sequence[MaskSection]
    ) -> LiveLookup | None:
        """Who puts values back that masks with `sentinels = "restore"` hide, and no other one."""
        applying = [mask for mask in masks if mask.direction == "response"]
        keeping = [mask for mask in applying if mask.sentinels != "restore"]
        if len(keeping) == len(applying):
            return None
        rules = Restorable(self._of(applying).hiding, self._of(keeping).hiding if keeping else None)
        return LiveLookup(request, head, kind, rules)

    def _hidden_places(self, request: KubeRequest, masks: Sequence[MaskSection]) -> HiddenPlaces | None:
        applying = [mask for mask in masks if mask.direction == "response"]
        if not applying:
            return None
        hiding = self._of(applying).hiding
        kind = kind_of(request.group, request.resource, request.subresource)
        places = hiding.places.of(kind) if kind else hiding.places.of_resource(request.resource)
        return HiddenPlaces(kind, places, hiding.places.of("Pod"), hiding.fields, hiding.places.of("Secret"))

    def _inner(
        self, request: KubeRequest, head: RequestHead, masks: list[MaskSection], kind: bytes
    ) -> BodyFilter | None:
        if not masks:
            return None
        if b"protobuf" in kind:
            made = self._of(masks).masks
            return BytesLook(request, made.request_masks(made.names))
        return self._plain.request_filter(masks, head)

    # -- masks ----------------------------------------------------------------------------------------------------

    def _of(self, masks: Sequence[MaskSection]) -> _Made:
        key = tuple(map(id, masks))
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            found = self._made[key] = self._make(tuple(masks))
        return found

    def _make(self, masks: tuple[MaskSection, ...]) -> _Made:
        made = MaskSet(masks, self._key)
        releases = self._section.helm_releases == "allow"
        hiding = Hiding(Places(masks), made.fields(made.names) or None, self._sentinels, releases)
        spans = made.spans(made.names)
        return _Made(masks, made, hiding, spans.wrapped(self._sentinels.wrapped) if spans is not None else None)


class ObjectFilter:
    """A BodyFilter over JSON objects: what is hidden by its place, then what detectors find in all of it."""

    def __init__(self, request: KubeRequest, stream: ObjectStream, spans: JsonSpans | None) -> None:
        self.masked = 0
        self._request = request
        self._stream = stream
        self._spans = spans

    def feed(self, data: bytes) -> bytes:
        """See BodyFilter."""
        shown = self._run(data, last=False)
        return self._counted(shown if self._spans is None else self._spans.feed(shown))

    def idle(self) -> bytes:
        """See BodyFilter: nothing. Half an object is never safe to show."""
        return b""

    def flush(self) -> bytes:
        """See BodyFilter."""
        shown = self._run(b"", last=True)
        return self._counted(shown if self._spans is None else self._spans.feed(shown) + self._spans.flush())

    def _counted(self, shown: bytes) -> bytes:
        self.masked = self._stream.masked + (self._spans.masked if self._spans is not None else 0)
        return shown

    def _run(self, data: bytes, last: bool) -> bytes:
        try:
            return self._stream.flush() if last else self._stream.feed(data)
        except (ValueError, RecursionError) as error:
            why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            raise refused(self._request, 502, f"the target's answer cannot be masked: {why}") from None


class _Told:
    """A BodyFilter of plain APIs, whose refusals are told as kubectl prints them."""

    def __init__(self, request: KubeRequest, inner: BodyFilter) -> None:
        self.masked = 0
        self._request = request
        self._inner = inner

    def feed(self, data: bytes) -> bytes:
        return self._run(lambda: self._inner.feed(data))

    def idle(self) -> bytes:
        return self._run(self._inner.idle)

    def flush(self) -> bytes:
        return self._run(self._inner.flush)

    def _run(self, work: Callable[[], bytes]) -> bytes:
        try:
            shown = work()
        except BodyRefused as error:
            raise refused(self._request, error.answer.status, str(error)) from None
        self.masked = self._inner.masked
        return shown


class _Refusing:
    """A BodyFilter that lets nothing in."""

    def __init__(self, why: BodyRefused) -> None:
        self.masked = 0
        self._why = why

    def feed(self, data: bytes) -> bytes:
        raise self._why

    def idle(self) -> bytes:
        return b""

    def flush(self) -> bytes:
        raise self._why


def _told(request: KubeRequest, inner: BodyFilter | None) -> BodyFilter | None:
    return None if inner is None else _Told(request, inner)


def _selects(request: KubeRequest, hiding: Hiding) -> bool:
    """Whether objects are picked by a hidden value: whoever guesses it would be told (`selectableFields` of CRDs)."""
    kind = kind_of(request.group, request.resource)
    places = hiding.places.of(kind) if kind else hiding.places.of_resource(request.resource)
    for term in request.field_selector.split(","):
        names = term.replace("!", "=").partition("=")[0].strip(" .").split(".")
        named = hiding.fields is not None and hiding.fields.strategy(names[-1].encode("utf-8", "replace"))
        if named or places.strategy("/".join(names)):
            return True
    return False


def _asks_for_releases(request: KubeRequest) -> bool:
    """Whether a request is about releases of Helm."""
    if request.group or request.resource not in ("secrets", "configmaps"):
        return False
    asked = (request.name, request.label_selector, request.field_selector)
    return any(word in text for text in asked for word in _HELM)
