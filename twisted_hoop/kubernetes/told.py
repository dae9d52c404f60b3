"""Values that an API server quotes when it refuses something: hidden in the message of a Status (M10). Pure.

Errors of validation quote what was sent, errors of decoding what stands around the fault in the merged object, values
of others included (`..., bigger context ...|{"data":{"password":"…|...`). Names that the client asked for stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

HIDDEN: Final = "*****"
_HARMLESS: Final = frozenset({
    "Forbidden", "NotFound", "AlreadyExists", "Conflict", "Unauthorized", "Gone", "Expired", "TooManyRequests",
    "Timeout", "ServerTimeout", "MethodNotAllowed", "NotAcceptable", "UnsupportedMediaType", "RequestEntityTooLarge",
    "ServiceUnavailable",
})  # fmt: skip
"""Reasons whose messages speak of names alone."""
_CONTEXT: Final = re.compile(r"\.\.\.\|.*\|\.\.\.|\|.*?\|", re.DOTALL)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\Z)|`([^`]*)(?:`|\Z)|(?<!\w)\'([^\']*)(?:\'|\Z)', re.DOTALL)
_LONG: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}|[A-Za-z0-9+/]{8,}={1,2}")
_BRACES: Final = re.compile(r"[{\[][^{}\[\]]*[:=\"].*(?:[}\]]|\Z)", re.DOTALL)
_VALUE: Final = re.compile(r'((?:Invalid|Unsupported|Duplicate) value: )(?=[^"`{*])[^":]+')
"""Numbers, and bytes as Go prints them, stand there without quotes (k8s.io/apimachinery, pkg/util/validation/field)."""
_LONGEST: Final = 4096
"""Characters of a message that are shown: it may quote megabytes of what somebody sent (K10)."""


def quotes_hidden(message: str, known: Collection[str]) -> str:
    """The message without what it quotes, but for words that are `known`: names, kinds, fields."""
    text = message if len(message) <= _LONGEST else message[:_LONGEST] + "…"
    text = _CONTEXT.sub(f"|{HIDDEN}|", text)
    text = _BRACES.sub(f"{{{HIDDEN}}}", text)
    text = _VALUE.sub(rf"\g<1>{HIDDEN}", text)
    text = _QUOTED.sub(lambda match: _quoted(match, known), text)
    return _LONG.sub(lambda match: match[0] if match[0] in known else HIDDEN, text)


def _quoted(match: re.Match[str], known: Collection[str]) -> str:
    inner = next((part for part in match.groups() if part is not None), "")
    return match[0] if inner in known or not inner else match[0][0] + HIDDEN + match[0][0]


def hide_quotes(status: dict[str, Any], known: Collection[str]) -> int:
    """The same for a whole Status, in place; how many messages were changed. Not for those that name only names."""
    if status.get("status") == "Success" or (status.get("reason") in _HARMLESS and not _of_admission(status)):
        return 0
    details = status.get("details")
    names = {*known, "metadata.name"}
    if isinstance(details, dict):
        names |= {str(details.get(key)) for key in ("name", "kind", "group", "uid")}
    changed = 0
    for place in _told(status):
        text = place["message"]
        if isinstance(text, str) and (hidden := quotes_hidden(text, names)) != text:
            place["message"] = hidden
            changed += 1
    return changed


def _of_admission(status: dict[str, Any]) -> bool:
    """Whether a webhook or an admission policy speaks: it may quote the object, whatever reason it gives."""
    return any(word in str(status.get("message")) for word in ("denied the request", "denied request"))


def _told(status: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "message" in status:
        yield status
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, dict) and "message" in cause:
            yield cause
