"""Run-time settings that are more than a convenience: who one is, and how text is read (P13, P16)."""

from __future__ import annotations

PRIVILEGED = frozenset(("role", "session_authorization", "session_replication_role", "is_superuser"))
"""Settings that change what may be done. Not row_security: off lets no row be seen that on hides, it makes statements
fail that a row policy would cut (runtime-config-client). pg_dump always turns it off."""
_TRUE = frozenset(("on", "true", "yes", "1", "t", "y", "tr", "tru", "ye"))
_UTF8 = frozenset(("utf8", "utf-8", "unicode", "utf_8"))


def setting_class(name: str, value: str | None) -> str:
    """ "privilege", "encoding" when it changes how text is read (P16), else "session"."""
    if name in PRIVILEGED:
        return "privilege"
    if value is None:
        return "session"
    if name == "standard_conforming_strings" and value.lower() not in _TRUE:
        return "encoding"
    if name in ("client_encoding", "names") and value.lower() not in _UTF8:
        return "encoding"
    return "session"
