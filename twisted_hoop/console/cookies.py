"""The console's cookies, one for visits and one for log-ins others answer: read strictly, written with every
restriction browsers know. Pure.

Source: RFC 6265bis, sections 4.1.3 (the `__Host-` prefix) and 5.6 (attributes).
"""

from __future__ import annotations

import re

MAX_COOKIES = 8192  # bytes of the header that are looked at
_PAIR = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#-+\--:<-\[\]-~]*)")
COOKIE, SAML_COOKIE = "hoop", "hoop-saml"
_CROSSING = 600  # seconds


def cookie_name(secure: bool, name: str = COOKIE) -> str:
    """`__Host-hoop` over TLS: no other host of the domain, and no page in the clear, can plant it."""
    return f"__Host-{name}" if secure else name


def read_cookie(header: str, secure: bool, wanted: str = COOKIE) -> str:
    """One of the console's cookies in a Cookie header, or "". Two of the name are none: nobody knows which is ours."""
    if len(header) > MAX_COOKIES:
        return ""
    name = cookie_name(secure, wanted)
    pairs = (_PAIR.fullmatch(part.strip()) for part in header.split(";"))
    found = [match[2] for match in pairs if match is not None and match[1] == name]
    return found[0] if len(found) == 1 else ""


def set_cookie(value: str, secure: bool) -> str:
    """A Set-Cookie header; an empty value takes the cookie away.

    It ends with the browser: how long it counts is decided here, not there. Lax, because people come from links in
    messages and from the issuer; what changes anything is a POST with a token of its own.
    """
    ends = "" if value else "; Max-Age=0"
    return f"{cookie_name(secure)}={value}; Path=/{ends}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def set_crossing_cookie(value: str, secure: bool) -> str:
    """The one that comes along when another site posts a form to us, as SAML providers do; it lasts ten minutes.

    It proves nothing but which browser began a log-in. Browsers send it across sites only when it is marked None, which
    they take over TLS alone; in the clear it has no mark, which they take for Lax, but for two minutes and a POST.
    """
    crossing = "; SameSite=None; Secure" if secure else ""
    lasts = _CROSSING if value else 0
    return f"{cookie_name(secure, SAML_COOKIE)}={value}; Path=/; Max-Age={lasts}; HttpOnly{crossing}"
