"""Pages by key: where a page ended is written into a cursor, so that rows that come meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_

T = TypeVar("T")
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, newest first, and the cursor of what follows; "" at the end."""

    items: tuple[T, ...]
    next: str = ""


class BadCursor(ValueError):
    """The text is no cursor of ours."""


def cursor_of(at: float, ident: str) -> str:
    """A cursor behind the row of that time and id: url-safe text."""
    data = json.dumps([at, ident], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_cursor(text: str) -> tuple[float, str]:
    """The inverse of `cursor_of`, or BadCursor."""
    try:
        if len(text) > _LONGEST or not text.isascii():
            raise ValueError
        at, ident = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        # NaN and Infinity are JSON to Python, but no times.
        if not (isinstance(at, (int, float)) and not isinstance(at, bool) and abs(at) < 1e15):
            raise ValueError
        if not isinstance(ident, str) or len(ident) > 64 or not ident.isascii() or not ident.isprintable():
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise BadCursor("this is no cursor of ours") from None
    return float(at), ident


def newest_first(
    query: Select[Any], at: ColumnElement[Any], ident: ColumnElement[Any], cursor: str, limit: int
) -> Select[Any]:
    """The query's next page: one row more than `limit`, by which `page_of` knows whether there is another."""
    if cursor:
        when, who = parse_cursor(cursor)
        query = query.where(or_(at < when, and_(at == when, ident < who)))
    return query.order_by(at.desc(), ident.desc()).limit(limit + 1)


def page_of(items: Sequence[T], limit: int, key: Callable[[T], tuple[float, str]]) -> Page[T]:
    """The page of what such a query found."""
    if len(items) <= limit:
        return Page(tuple(items))
    kept = tuple(items[:limit])
    return Page(kept, cursor_of(*key(kept[-1])))
