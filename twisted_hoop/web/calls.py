"""One call of the API, and what is answered: values between HTTP and the handlers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, Union
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError
from twisted.internet.defer import Deferred

from twisted_hoop.model import Peer, Principal
from twisted_hoop.web.problems import Problem

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asks. `headers` have lower-case names; a name that was sent twice has two values."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, Sequence[str]]
    body: bytes
    peer: Peer
    local: bool
    request_id: str

    def header(self, name: str) -> str:
        """The only value, "" when there is none; 400 when there are several, for then nobody knows which counts."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise Problem(400, f"more than one {name} header")
        return values[0] if values else ""

    def json(self, model: type[Model]) -> Model:
        """The body as the model. Only application/json: a form in a browser cannot send that to another origin."""
        if self.header("content-type").partition(";")[0].strip().lower() != "application/json":
            raise Problem(415, "send application/json")
        try:
            return model.model_validate_json(self.body, strict=True)
        except ValidationError as fault:
            raise Problem(400, "the body is not what it should be", errors=_lines(fault)) from None

    def options(self, model: type[Model]) -> Model:
        """The query as the model; unknown and repeated names are refused."""
        if any(len(values) > 1 for values in self.query.values()):
            raise Problem(400, "a query parameter is repeated")
        try:
            return model.model_validate({name: values[0] for name, values in self.query.items()})
        except ValidationError as fault:
            raise Problem(400, "the query is not what it should be", errors=_lines(fault)) from None

    def page(self, content: Mapping[str, Any]) -> Reply:
        """A page as an answer: where there is a next one, also as a Link header (RFC 8288)."""
        if not content["next"]:
            return Reply(content)
        rest = {name: values[0] for name, values in self.query.items() if name != "cursor"}
        query = urlencode({**rest, "cursor": content["next"]})
        return Reply(content, headers={"Link": f'<{self.path}?{query}>; rel="next"'})


def _lines(fault: ValidationError) -> tuple[str, ...]:
    # The input itself is not echoed: it may be anything.
    wrong = fault.errors(include_url=False, include_context=False, include_input=False)
    return tuple(f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}" for error in wrong)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `text` is sent as it is when set, else `content` as JSON."""

    content: Any = None
    status: int = 200
    text: bytes | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> bytes:
        """The body. ASCII JSON, so that lone surrogates and line separators in texts do no harm."""
        return self.text if self.text is not None else json.dumps(self.content).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in pieces. `pieces` blocks and is read in a thread; it yields whole lines."""

    pieces: Callable[[], Iterator[bytes]]
    media_type: str = "application/x-ndjson"


class Watched(Protocol):
    """What a Push sends from; `web.feed.Watcher` is one. `over`: nothing more comes."""

    over: bool

    def take(self) -> bytes:
        """What is there now."""

    def more(self) -> Deferred[None]:
        """Fires when there is something, or nothing will come any more."""


@dataclass(frozen=True, slots=True)
class Push:
    """An answer that goes on until the reader leaves, in pieces as they come. `left` is called once at the end."""

    source: Watched
    left: Callable[[], None]
    media_type: str = "text/event-stream"


Answer = Union[Reply, Stream, Push]


def named(principal: Principal) -> str:
    """For the log."""
    return f"{principal.key} ({principal.label})"
