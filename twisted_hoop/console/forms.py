"""What browsers send back: forms that must come from our own pages, and paths people may be led to."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Call, Model
from twisted_hoop.web.problems import Problem

FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 20
_BACK = re.compile(r"/[A-Za-z0-9_-]*(?:/[A-Za-z0-9_-]+)*(?:\?[A-Za-z0-9_.~%+=&:-]*)?")
_MAX_BACK = 1000


def form_of(call: Call, visit: Visit, origin: str) -> dict[str, str]:
    """The fields of a form that this visit's own page sent, or a Problem.

    Two proofs: the origin browsers name and pages cannot forge, and the visit's token, which other pages cannot read.
    """
    if call.header("origin") != origin or call.header("sec-fetch-site") not in ("", "same-origin"):
        raise Problem(403, "this form was not sent by a page of this console")
    fields = _fields(call)
    if not visit.meant(fields.pop("csrf", "")):
        raise Problem(403, "this form is from another visit; go back, reload the page and try again")
    return fields


def _fields(call: Call) -> dict[str, str]:
    if call.header("content-type").partition(";")[0].strip().lower() != FORM:
        raise Problem(415, "send a form")
    try:
        text = call.body.decode("utf-8")
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Problem(400, "the form cannot be read") from None
    found = {name: value.replace("\r\n", "\n") for name, value in pairs}
    if len(found) != len(pairs):
        raise Problem(400, "a field of the form is repeated")
    return found


def back_path(wanted: str, is_page: bool) -> str:
    """The path to go to after a log-in: one of our own pages, else the first one.

    I7: never another host. `//host`, `/\\host`, control characters and schemes do not match; `is_page` says whether
    the path is one that shows a page.
    """
    return wanted if is_page and len(wanted) <= _MAX_BACK and _BACK.fullmatch(wanted) else "/"


def asked(call: Call, name: str, longest: int = 200) -> str:
    """One parameter of the query, "" when it is missing; 400 when it is repeated or too long."""
    values = call.query.get(name, ())
    if len(values) > 1 or any(len(value) > longest for value in values):
        raise Problem(400, f"{name} stands there twice, or is too long")
    return values[0] if values else ""


def options(call: Call, model: type[Model], given: Mapping[str, Any], besides: Sequence[str] = ()) -> Model:
    """The query as the model, or a Problem. Empty fields of a form are as good as missing ones; `given` fills those.

    `besides` are parameters that are read elsewhere.
    """
    found = {name: asked(call, name, 1000) for name in call.query if name not in besides}
    try:
        return model.model_validate({**given, **{name: value for name, value in found.items() if value}})
    except ValidationError as fault:
        wrong = sorted({str(error["loc"][0]) if error["loc"] else "" for error in fault.errors()})
        raise Problem(400, f"the address of this page is not one of ours: {', '.join(wrong)}") from None
