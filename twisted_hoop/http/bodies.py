"""What is hidden in bodies of plain APIs, and what may not go in (M3, M12). Pure: bytes in, bytes out.

    bodies = Bodies(key)                                    # one a target
    bodies.response_filter(masks, response)                 # BodyFilter | None; may raise BodyRefused (502)
    bodies.request_filter(masks, head)                      # BodyFilter | None; refuses (403, 415) from its `feed` on

How a body is read is told by its type, see `mediatypes.py`. Bodies that are compressed, parts of bodies, texts in
encodings that do not hold ASCII, and types that nobody here can read do not pass under masks. Pictures, sound and other
binary content pass unread; what is called application/octet-stream, or nothing, and looks like text is read as text.

Requests: a mask with action "mask" rewrites what it finds, "deny" and "review" refuse the request; each value is looked
at before it is sent. Reviews of bodies that can be kept are asked for before, see `looking.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import unquote_plus

from twisted_hoop.http.dialect import BodyFilter, BodyRefused
from twisted_hoop.http.mediatypes import Look, encoding_of, look_of, looks_like_text
from twisted_hoop.http.messages import Answer, Framing, Headers, RequestHead, ResponseHead
from twisted_hoop.masking.formstreams import FormMasker
from twisted_hoop.masking.jsonstreams import JsonSpans
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.masking.requests import RequestMask
from twisted_hoop.masking.textblocks import SpanLines
from twisted_hoop.settings import MaskSection

_REMEMBERED = 64
_SEEN = 512
"""Bytes after which it is clear whether a body without a type is text."""


class Stage(Protocol):
    """What everything in `masking` has that hides values in one stream."""

    @property
    def masked(self) -> int:
        """Values hidden so far."""

    def feed(self, data: bytes) -> bytes:
        """The next part."""

    def flush(self) -> bytes:
        """The rest."""


Make = Callable[[Look], list["Step"]]


class Bodies:
    """The masks of one target over bodies. `key` makes hashes, see MaskSet; `masks` are all the target has."""

    def __init__(self, key: bytes, masks: Sequence[MaskSection] = ()) -> None:
        self._key = key
        self._every = MaskSet(masks, key)
        self._sets: dict[tuple[int, ...], tuple[tuple[MaskSection, ...], MaskSet]] = {}

    def response_filter(self, masks: Sequence[MaskSection], response: ResponseHead) -> BodyFilter | None:
        """What hides values in an answer; None when nothing is to be hidden. Raises BodyRefused.

        An answer without a body (to HEAD) has a filter too: the length it tells is that of clear values.
        """
        if not masks:
            return None
        made = self._made(masks)
        if made.stream_masker(made.names) is None:
            return None
        if response.framing is Framing.NONE:
            return Filter(Look.TEXT, lambda known: [], 502)
        why = _unreadable(response.headers, response.status)
        if why:
            raise _refused(502, f"the target's answer cannot be masked: {why}")
        look = look_of(response.headers)
        return None if look is Look.PASS else Filter(look, lambda known: _answer_steps(made, known), 502)

    def request_filter(self, masks: Sequence[MaskSection], head: RequestHead) -> BodyFilter | None:
        """What looks at a request's body; None when no mask does."""
        if head.framing is Framing.NONE or not masks:
            return None
        made = self._made(masks)
        looks = made.request_masks(made.names)
        if not looks:
            return None
        # First those that refuse: one that rewrites must not hide a find from one that denies.
        ordered = sorted(looks, key=lambda mask: mask.action == "mask")
        why = _unreadable(head.headers)
        # A client names types as it likes: what it calls a picture and looks like text is read as text.
        look = look_of(head.headers)
        return Filter(
            Look.SNIFF if look is Look.PASS else look,
            lambda known: [Step(_look_stage(known, mask), mask) for mask in ordered],
            415,
            why,
        )

    def told(self, text: str) -> str:
        """A request as it may be recorded and shown to approvers (M12).

        What is hidden in it leaves a keyed mark behind: an approval of one value is none of another (A4).
        """
        meant = unquote_plus(text)
        shown = self._every.for_recording(meant)
        if shown == meant:
            return text
        return f"{shown} #{self._every.fingerprint([text.encode('utf-8', 'surrogatepass')])}"

    def _made(self, masks: Sequence[MaskSection]) -> MaskSet:
        """The set of exactly these sections; they are kept, so that their identities stay theirs."""
        key = tuple(map(id, masks))
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= _REMEMBERED:
                self._sets.clear()
            found = self._sets[key] = (tuple(masks), MaskSet(masks, self._key))
        return found[1]


class Step:
    """One stage of a filter; `mask` is that of a request, which may refuse."""

    __slots__ = ("_mask", "stage")

    def __init__(self, stage: Stage, mask: RequestMask | None = None) -> None:
        self.stage = stage
        self._mask = mask

    def __call__(self, data: bytes, last: bool) -> bytes:
        """What may go on. Raises BodyRefused before anything goes that was found."""
        out = self.stage.feed(data) if data else b""
        out += self.stage.flush() if last else b""
        mask = self._mask
        if mask is not None and mask.action != "mask" and self.stage.masked:
            raise _refused(403, f"mask {mask.name} found values in the body that may not go there")
        return out

    @property
    def masked(self) -> int:
        """Values rewritten."""
        return self.stage.masked if self._mask is None or self._mask.action == "mask" else 0


class Filter:
    """A BodyFilter. `status` is that of a refusal to read; `why` refuses at once."""

    def __init__(self, look: Look, make: Make, status: int, why: str = "") -> None:
        self.masked = 0
        self._look = look
        self._make = make
        self._status = status
        self._why = why
        self._begin = b""
        self._steps: list[Step] | None = None if look is Look.SNIFF else make(look)

    def feed(self, data: bytes) -> bytes:
        """See BodyFilter."""
        return self._passed(data, last=False)

    def idle(self) -> bytes:
        """See BodyFilter: nothing. A body is no prompt, and half a value, or half a name, is never safe to show."""
        return b""

    def flush(self) -> bytes:
        """See BodyFilter."""
        return self._passed(b"", last=True)

    def _passed(self, data: bytes, last: bool) -> bytes:
        if self._why:
            raise _refused(self._status, f"the body cannot be looked at: {self._why}")
        if self._steps is None:
            self._begin += data
            if len(self._begin) < _SEEN and not last:
                return b""
            data, self._begin = self._begin, b""
            self._look = looks_like_text(data)
            self._steps = [] if self._look is Look.PASS else self._make(self._look)
        if b"\x00" in data and self._look not in (Look.PASS, Look.PARTS):
            raise _refused(self._status, "the body is called text and holds octets that are none")
        for step in self._steps:
            data = step(data, last)
        self.masked = sum(step.masked for step in self._steps)
        return data


def _answer_steps(made: MaskSet, look: Look) -> list[Step]:
    stage: Stage | None
    if look is Look.JSON:
        stage = made.json_masker(made.names)
    else:
        stage = made.form_masker(made.names) if look is Look.FORM else made.stream_masker(made.names)
    return [] if stage is None else [Step(stage)]


def _look_stage(look: Look, mask: RequestMask) -> Stage:
    if look is Look.JSON:
        return JsonSpans(mask.masker)
    return FormMasker(mask.masker) if look is Look.FORM else SpanLines(mask.masker)


def _unreadable(headers: Headers, status: int = 200) -> str:
    """Why this body cannot be read, or ""."""
    look = look_of(headers)
    encoding = encoding_of(headers)
    if encoding:
        return f"it is encoded ({encoding})"
    if status == 206 and look is not Look.PASS:
        return "it is a part of a whole: ask without Range"
    return "its type, or its characters, are not understood here" if look is Look.REFUSE else ""


def _refused(status: int, detail: str) -> BodyRefused:
    """Problem details (RFC 9457)."""
    told = {"type": "about:blank", "title": "hoop", "status": status, "detail": detail}
    answer = Answer(status, json.dumps(told).encode() + b"\n", ((b"content-type", b"application/problem+json"),))
    return BodyRefused(answer, detail)
