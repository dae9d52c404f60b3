"""xs:dateTime as SAML writes it (SAML Core 2.0, section 1.3.3): UTC, to any fraction of a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from twisted_hoop.errors import AuthenticationFailed

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,12})?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


def posix_time(text: str, what: str) -> float:
    """The POSIX time, or AuthenticationFailed that names `what` has none. A time without a zone is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise AuthenticationFailed(f"the assertion's {what} is no time in UTC")
    try:
        when = datetime(*(int(part) for part in match.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type, misc]
        if match[8]:
            away = timedelta(hours=int(match[9]), minutes=int(match[10]))
            when = when - away if match[8] == "+" else when + away
        return when.timestamp() + float(match[7] or 0.0)
    except (ValueError, OverflowError):
        raise AuthenticationFailed(f"the assertion's {what} is no time in UTC") from None


def written(now: float) -> str:
    """A POSIX time as SAML writes it, to the second."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
