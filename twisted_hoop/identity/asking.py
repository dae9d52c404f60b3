"""A request for an exchange: the form of RFC 8693, section 2.1, read strictly. Pure; proves nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from twisted_hoop.identity.narrowing import NO_TARGET, ExchangeRefused, Narrower
from twisted_hoop.identity.own_issuer import GRANT

_TYPE = "urn:ietf:params:oauth:token-type:"
TOKEN_TYPES = frozenset({f"{_TYPE}jwt", f"{_TYPE}access_token", f"{_TYPE}id_token"})
ISSUED_TYPES = (f"{_TYPE}access_token", f"{_TYPE}jwt")
TARGETS_PATH = "/targets/"
_SEVERAL = frozenset({"audience", "resource"})
_CLIENTS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
_MAX_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. Tokens as they were sent: nobody has looked at them yet.

    `audience` is another service's, "" for this gateway; `lifetime` in seconds, None when not said.
    """

    subject_token: str = field(repr=False)
    actor_token: str = field(repr=False)
    narrower: Narrower
    audience: str
    lifetime: float | None
    issued_type: str

    def lifetime_within(self, longest: float) -> float:
        """What is asked for, and no more than that."""
        return longest if self.lifetime is None else min(self.lifetime, longest)

    @property
    def scope(self) -> str:
        """What was asked for and given, as a scope; "" when nothing was narrowed."""
        targets, groups = sorted(self.narrower.targets or ()), sorted(self.narrower.groups or ())
        named = [("target", name) for name in targets] + [("group", name) for name in groups]
        return " ".join(f"{kind}:{quote(name, safe='')}" for kind, name in named)


NO_CLIENTS = "no client is registered here, and none authenticates: the tokens are the proof"


def read_request(body: bytes, url: str, audiences: Collection[str]) -> Asked:
    """The request of a form, or ExchangeRefused. `url` is our issuer, `audiences` the other services there may be.

    Parameters nobody here knows are passed over, as RFC 6749, section 3.2, wants it.
    """
    found = _fields(body)
    if not _CLIENTS.isdisjoint(found):  # RFC 6749, section 5.2: what is not checked is not taken for checked
        raise ExchangeRefused("invalid_client", NO_CLIENTS)
    if _one(found, "grant_type") != GRANT:
        code = "unsupported_grant_type" if "grant_type" in found else "invalid_request"
        raise ExchangeRefused(code, f"grant_type must be {GRANT}")  # type: ignore[arg-type]
    asked = _one(found, "requested_token_type") or ISSUED_TYPES[0]
    if asked not in ISSUED_TYPES:
        raise ExchangeRefused("invalid_request", "no such requested_token_type is made here")
    subject, actor = _token(found, "subject_token"), _token(found, "actor_token")
    if not subject:
        raise ExchangeRefused("invalid_request", "there is no subject_token")
    targets, others = _places(found, url, audiences)
    scoped, groups = _scope(_one(found, "scope"))
    named = frozenset((*targets, *scoped))
    if others and (named or len(others) > 1):
        raise ExchangeRefused("invalid_target", "a token is for targets of this gateway, or for one other service")
    audience = next(iter(others), "")
    narrower = Narrower(named or None, groups)
    return Asked(subject, actor, narrower, audience, _lifetime(_one(found, "lifetime")), asked)


def _fields(body: bytes) -> Mapping[str, list[str]]:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, True, strict_parsing=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ExchangeRefused("invalid_request", "the body is no form") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if value:  # RFC 6749, section 3.2: what has no value was not sent
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        if len(values) > 1 and name not in _SEVERAL:
            raise ExchangeRefused("invalid_request", "a parameter is repeated")
    return found


def _one(found: Mapping[str, list[str]], name: str) -> str:
    return found.get(name, [""])[0]


def _token(found: Mapping[str, list[str]], name: str) -> str:
    """The token; its type must stand beside it, and may not stand alone (section 2.1)."""
    token, kind = _one(found, name), _one(found, f"{name}_type")
    if bool(token) != bool(kind):
        raise ExchangeRefused("invalid_request", f"{name} and {name}_type go together")
    if kind and kind not in TOKEN_TYPES:
        raise ExchangeRefused("invalid_request", f"no such {name}_type is taken here")
    return token


def _places(found: Mapping[str, list[str]], url: str, audiences: Collection[str]) -> tuple[set[str], set[str]]:
    """(targets, other services) that `audience` and `resource` name."""
    targets: set[str] = set()
    others: set[str] = set()
    prefix = url + TARGETS_PATH
    for value in found.get("resource", ()):  # RFC 8707, section 2: an absolute URI
        if value != url and not value.startswith(prefix) and value not in audiences:
            raise ExchangeRefused("invalid_target", NO_TARGET)
    for value in (*found.get("audience", ()), *found.get("resource", ())):
        if value in audiences:
            others.add(value)
        elif value.startswith(prefix):
            targets.add(unquote(value.removeprefix(prefix)))
        elif value != url:
            targets.add(value)
    return targets, others


def _scope(text: str) -> tuple[set[str], frozenset[str] | None]:
    """`target:shop group:developers`: names are percent-encoded where they have blanks (RFC 6749, section 3.3)."""
    targets: set[str] = set()
    groups: set[str] = set()
    for word in text.split(" ") if text else ():
        kind, colon, name = word.partition(":")
        if not colon or not name or kind not in ("target", "group"):
            raise ExchangeRefused("invalid_scope", "a scope is target:NAME or group:NAME")
        (targets if kind == "target" else groups).add(unquote(name))
    return targets, frozenset(groups) if groups else None


def _lifetime(text: str) -> float | None:
    """Whole seconds."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise ExchangeRefused("invalid_request", "lifetime is a number of seconds")
    return float(text)
