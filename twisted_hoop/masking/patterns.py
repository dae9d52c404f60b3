"""The detectors' patterns: RE2 (linear time, C8), found in UTF-8 octets, each with the check that settles a candidate.

A candidate that its check refuses is passed over as a whole when the check looked at all of it (`whole`), else the
search goes on one octet later; only patterns of bounded length do the latter, so that the search stays linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted_hoop.masking import cards, validators
from twisted_hoop.masking.validators import Check

Scan = Callable[[bytes], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern. `group` is the part of the match that is hidden.

    `scan` finds the same as pattern and check together, where it is compiled.
    """

    pattern: str
    check: Check = validators.accept
    whole: bool = True
    group: int = 0
    scan: Scan | None = None


_GAP: Final = "[ .\\-\\x{a0}\\x{2009}\\x{202f}\\x{2010}-\\x{2013}]"
_PART: Final = "[A-Za-z0-9_-]"

_KEYS_BY_SHAPE: Final = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA|APKA)[A-Z0-9]{16}\b",  # AWS identifiers
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",  # GitHub
    r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    rf"\bgl(?:pat|ptt|ft|rt|dt|cbt|soat|agent|imt|oas|ffct)-{_PART}{{20,}}",  # GitLab
    r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}",  # Slack
    r"\bxapp-[0-9]-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,}",
    r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
    r"\bwhsec_[A-Za-z0-9+/=]{24,}",
    r"\bAIza[A-Za-z0-9_-]{35}",  # Google
    rf"\bGOCSPX-{_PART}{{28}}",
    rf"\bya29\.{_PART}{{20,}}",
    rf"\bsk-ant-{_PART}{{20,}}",  # Anthropic
    rf"\bsk-(?:proj|svcacct|admin|or-v1|None)-{_PART}{{20,}}",  # OpenAI and relations
    r"\bnpm_[A-Za-z0-9]{36}",
    rf"\bpypi-AgE{_PART}{{20,}}",
    r"\b(?:SK|AC)[0-9a-f]{32}\b",  # Twilio
    rf"\bSG\.{_PART}{{16,}}\.{_PART}{{16,}}",  # SendGrid
    r"\bhf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"\bdo[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    rf"\bhv[sbr]\.{_PART}{{20,}}",  # Vault
    r"AccountKey=[A-Za-z0-9+/=]{80,}",  # Azure storage
    r"\bkey-[0-9a-f]{32}\b",  # Mailgun
    r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}",  # Square
    r"\bdapi[a-f0-9]{32}",  # Databricks
    r"\bdckr_pat_[A-Za-z0-9_-]{20,}",  # Docker
    r"\blin_api_[A-Za-z0-9]{32,}",  # Linear
    r"\bgls?[ac]_[A-Za-z0-9_=]{32,}",  # Grafana
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}",
)


def _begun(pattern: str, check: Check = validators.accept) -> Rule:
    r"""A pattern that begins with `\b` holds behind an escape of JSON as well: the letter of `\n` is no word's."""
    if not pattern.startswith(r"\b"):
        return Rule(pattern, check)
    return Rule(rf"(?:\b|\\[bfnrt])({pattern.removeprefix(chr(92) + 'b')})", check, group=1)


_KEYS: Final = (
    *(_begun(pattern) for pattern in _KEYS_BY_SHAPE),
    _begun(rf"\bsk-{_PART}{{20,}}", validators.mixed),  # OpenAI's older form
    Rule(r"[A-Za-z0-9/+]{40,}", validators.secret40),
    Rule(r"""(?i)\bsecret_?(?:access_?)?key["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})""", group=1),
)
_PHONES: Final = (
    Rule(r"\+[1-9](?:[ .()/-]{0,3}[0-9]){6,14}", validators.phone, whole=False),
    Rule(r"\b00[1-9][0-9]{0,2}[ -](?:[ .()/-]{0,3}[0-9]){6,12}", validators.phone, whole=False),
    Rule(
        r"(?:1[ .-]?)?(?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}",
        validators.phone,
        whole=False,
    ),
)

BUILT_IN: Final[dict[str, tuple[Rule, ...]]] = {
    "card": (Rule(rf"[0-9](?:{_GAP}{{0,2}}[0-9]){{12,}}", cards.card, scan=cards.cards),),
    "ssn": (Rule(r"[0-9]{3}[- .][0-9]{2}[- .][0-9]{4}", validators.ssn, whole=False),),
    "iban": (Rule(r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}", validators.iban, whole=False),),
    "email": (Rule(r"[\pL\pN._%+'-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)*\.[\pL]{2,}"),),
    "phone": _PHONES,
    "api-key": _KEYS,
    "jwt": (_begun(rf"\beyJ{_PART}{{8,}}(?:\.{_PART}*){{2,4}}", validators.jwt),),
    "private-key": (
        Rule(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:-?[A-Za-z0-9+/=\s:,.()\\])*(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
}
"""Detector names (`MaskSection.detect`) and their rules."""

ESCAPES: Final = (r"\\u00[0-9A-Fa-f]{2}", r"\\x[0-9A-Fa-f]{2}", r"&#x?[0-9A-Fa-f]{2,6};")
"""Text that may hide characters from the patterns: JSON's escapes and bytea's hexadecimal form. The filter says "look
closer" for both, so that nobody gets past it by writing a digit as an escape."""
