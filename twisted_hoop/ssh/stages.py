"""Which messages the other side may send, and when: one table (S4). Pure.

Numbers are those of RFC 4250, section 4.1.2. What is not listed for a stage never reaches any code that acts on it.
"""

from __future__ import annotations

from enum import Enum

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO = 1, 2, 3, 4, 5, 6, 7
KEXINIT, NEWKEYS, EXCHANGE_INIT, EXCHANGE_REPLY = 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS, USERAUTH_BANNER = 50, 51, 52, 53
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE, WINDOW_ADJUST = 90, 91, 92, 93
CHANNEL_DATA, CHANNEL_EXTENDED_DATA, CHANNEL_EOF, CHANNEL_CLOSE = 94, 95, 96, 97
CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE = 98, 99, 100


class Stage(Enum):
    """How far a connection is."""

    HELLO = "no key exchange has begun"
    EXCHANGE = "both KEXINITs are there; of the first exchange or of a later one"
    NEW_KEYS = "our NEWKEYS left, the other side's has not come"
    SECURE = "encrypted, and no service runs"
    LOGIN = "ssh-userauth runs"
    CONNECTED = "ssh-connection runs"


ANYTIME = frozenset({DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG})
STRICT = frozenset({DISCONNECT})
"""What remains of them in the first exchange under strict key exchange (S2)."""
_METHODS = frozenset(range(60, 80))
_CHANNELS = frozenset({GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE, *range(CHANNEL_OPEN, CHANNEL_FAILURE + 1)})

FROM_CLIENT: dict[Stage, frozenset[int]] = {
    Stage.HELLO: ANYTIME | {KEXINIT},
    Stage.EXCHANGE: ANYTIME | {EXCHANGE_INIT},
    Stage.NEW_KEYS: ANYTIME | {NEWKEYS},
    Stage.SECURE: ANYTIME | {SERVICE_REQUEST, EXT_INFO, KEXINIT},
    Stage.LOGIN: ANYTIME | _METHODS | {USERAUTH_REQUEST, KEXINIT},
    Stage.CONNECTED: ANYTIME | _CHANNELS | {USERAUTH_REQUEST, KEXINIT},
}
"""A USERAUTH_REQUEST after success is ignored, as RFC 4252, section 5.1, has it."""
FROM_SERVER: dict[Stage, frozenset[int]] = {
    Stage.HELLO: ANYTIME | {KEXINIT},
    Stage.EXCHANGE: ANYTIME | {EXCHANGE_REPLY},
    Stage.NEW_KEYS: ANYTIME | {NEWKEYS},
    Stage.SECURE: ANYTIME | {SERVICE_ACCEPT, EXT_INFO, KEXINIT},
    Stage.LOGIN: ANYTIME | _METHODS | {USERAUTH_FAILURE, USERAUTH_SUCCESS, USERAUTH_BANNER, EXT_INFO, KEXINIT},
    Stage.CONNECTED: ANYTIME | _CHANNELS | {KEXINIT},
}
EXCHANGING = (Stage.HELLO, Stage.EXCHANGE, Stage.NEW_KEYS)
KNOWN = frozenset().union(*FROM_CLIENT.values(), *FROM_SERVER.values(), range(30, 50))
"""Every number that means something to us at some time; others are answered with UNIMPLEMENTED (RFC 4253, 11.4)."""


def allowed(stage: Stage, from_client: bool, strict_first: bool) -> frozenset[int]:
    """The numbers the other side may send now. `strict_first`: in the first exchange, under strict key exchange."""
    numbers = (FROM_CLIENT if from_client else FROM_SERVER)[stage]
    return numbers - ANYTIME | STRICT if strict_first else numbers


def may_leave_in_exchange(number: int) -> bool:
    """Whether we may send it between our KEXINIT and our NEWKEYS (RFC 4253, section 7.1)."""
    return number in ANYTIME or 20 <= number < 50
