"""How the body of a message is read, by its Content-Type (RFC 9110, section 8.3). Pure."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

from twisted_hoop.http.messages import Headers, RequestHead

_JSON = re.compile(
    r"(?:application|text)/(?:[a-z0-9.!#$&^_-]+\+)?(?:json|json-seq|json5|ndjson|x-ndjson|jsonl|x-jsonl"
    r"|jsonlines|x-jsonlines|x-json-stream|stream\+json|json-patch|merge-patch)"
)
_TEXT = re.compile(
    r"text/.+|[a-z]+/(?:.+\+)?(?:xml|yaml)|application/(?:x-yaml|yaml|toml|csv|x-csv|javascript|x-javascript|ecmascript"
    r"|graphql|sql|x-sql|x-sh|x-httpd-php|xhtml\+xml|xml-dtd|rtf|x-pem-file|pem-certificate-chain|pkcs10|jose|jwt"
    r"|openmetrics-text|n-triples|n-quads|trig|sparql-query|sparql-update|logfmt|edifact|http|x-www-form)"
)
_BINARY = re.compile(
    r"(?:image|audio|video|font|model|haptics)/.+|application/(?:pdf|postscript|zip|gzip|x-gzip|x-tar|x-gtar|x-bzip2?"
    r"|x-xz|zstd|x-7z-compressed|x-rar-compressed|vnd\.rar|java-archive|x-apple-diskimage|vnd\.debian\.binary-package"
    r"|x-rpm|vnd\.android\.package-archive|wasm|x-executable|x-mach-binary|vnd\.microsoft\.portable-executable"
    r"|x-font.*|font-.*|x-shockwave-flash|pkix-cert|pkix-crl|x-x509-ca-cert|pkcs7-mime|timestamp-reply"
    r"|vnd\.oci\.image\.layer\..*|vnd\.docker\.image\.rootfs\..*)"
)
_UNTOLD = frozenset(
    {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/x-binary",
        "application/x-download",
        "application/force-download",
        "application/download",
    }
)
_CHARSETS = frozenset({
    "", "utf-8", "utf8", "us-ascii", "ascii", "latin1", "latin-1", "windows-1250", "windows-1251", "windows-1252",
    "windows-1253", "windows-1254", "windows-1257", "cp1252", "koi8-r", "koi8-u", "euc-jp", "euc-kr", "gb2312",
})  # fmt: skip
_LATIN = re.compile(r"iso[-_]8859[-_][0-9]{1,2}")
"""With the above: encodings in which ASCII is ASCII wherever it stands."""
_CHARSET = re.compile(r";\s*charset\s*=\s*(\"?)([^;\"]*)\1\s*(?=;|\Z)", re.IGNORECASE)
_TEXT_START = re.compile(rb"[\t\n\f\r\x1b\x20-\xff]*")


_REMEMBERED = 256
"""Bytes of a Content-Type that is remembered."""


class Look(Enum):
    """How a body is read."""

    JSON = auto()
    """A document, lines or a sequence of JSON."""
    FORM = auto()
    """application/x-www-form-urlencoded."""
    TEXT = auto()
    """CSV, plain text, HTML, YAML, XML, server-sent events …"""
    PARTS = auto()
    """multipart: read as text, though parts may be files."""
    SNIFF = auto()
    """Nobody says: as it begins."""
    PASS = auto()
    """Binary: not read."""
    REFUSE = auto()
    """It may hold anything, in a form that cannot be read here (CBOR, protobuf, UTF-16 …)."""


def look_of(headers: Headers) -> Look:
    """How a body with these headers is read. Several types, or one that is malformed, cannot be told (REFUSE)."""
    types = {value for name, value in headers if name == b"content-type"}
    if len(types) == 1:
        (told,) = types
        return _known(told) if len(told) <= _REMEMBERED else _look_of(told)
    return Look.REFUSE if len({told.strip() for told in types}) > 1 else _look_of(next(iter(types), b""))


def _look_of(value: bytes) -> Look:
    told = value.decode("latin-1").strip()
    kind = told.partition(";")[0].strip().lower()
    look = _look(kind)
    if look in (Look.PASS, Look.REFUSE, Look.SNIFF):
        return look
    charsets = {match[2].strip().lower() for match in _CHARSET.finditer(told)}
    known = all(each in _CHARSETS or _LATIN.fullmatch(each) for each in charsets)
    return look if known and len(charsets) == told.lower().count("charset") else Look.REFUSE


_known = lru_cache(maxsize=256)(_look_of)


def _look(kind: str) -> Look:
    if kind in _UNTOLD:
        return Look.SNIFF
    if _JSON.fullmatch(kind):
        return Look.JSON
    if kind == "application/x-www-form-urlencoded":
        return Look.FORM
    if kind.startswith("multipart/"):
        return Look.REFUSE if kind == "multipart/byteranges" else Look.PARTS
    if _TEXT.fullmatch(kind):
        return Look.TEXT
    return Look.PASS if _BINARY.fullmatch(kind) else Look.REFUSE


def looks_like_text(begin: bytes) -> Look:
    """What a body without a type is, by its first bytes: JSON, TEXT, or binary (PASS)."""
    if _TEXT_START.fullmatch(begin) is None:
        return Look.PASS
    try:
        begin.decode()
    except UnicodeDecodeError as error:
        if error.start < len(begin) - 3:  # else a character is cut
            return Look.PASS
    return Look.JSON if begin.lstrip()[:1] in (b"{", b"[") else Look.TEXT


def encoding_of(headers: Headers) -> str:
    """Content codings other than identity (RFC 9110, section 8.4), "" for none."""
    if not any(name == b"content-encoding" for name, _ in headers):
        return ""
    codings = [value.decode("latin-1").strip().lower() for name, value in headers if name == b"content-encoding"]
    return ", ".join(coding for coding in codings if coding not in ("", "identity"))


def readable(head: RequestHead) -> RequestHead:
    """The request as it is sent where masks apply: the answer is wanted whole and as it is."""
    kept = tuple(pair for pair in head.headers if pair[0] not in _NOT_WHOLE)
    headers = (*kept, _IDENTITY)
    return RequestHead(head.method, head.path, head.query, head.host, headers, head.framing, head.length, head.upgrade)


_IDENTITY = (b"accept-encoding", b"identity")
_NOT_WHOLE = frozenset({b"accept-encoding", b"range", b"if-range", b"a-im"})
