"""Tokens for tokens (RFC 8693), and what others verify them with: metadata and key set."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from twisted.logger import Logger

from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, LimitExceeded, StoreUnavailable
from twisted_hoop.identity.acting import Acting
from twisted_hoop.identity.asking import NO_CLIENTS, Asked, read_request
from twisted_hoop.identity.narrowing import NO_TARGET, ExchangeRefused, narrowed
from twisted_hoop.identity.own_issuer import Issued, OwnIssuer
from twisted_hoop.identity.pace import Pace
from twisted_hoop.model import Effect, Principal
from twisted_hoop.targets import target_of_section
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem

_FORM = "application/x-www-form-urlencoded"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_PUBLIC = {"Cache-Control": "public, max-age=300"}


class ExchangeForm(BaseModel):
    """POST /oauth/token, as a form. `audience` and `resource` may be sent several times. `lifetime` in seconds."""

    model_config = ConfigDict(extra="allow", frozen=True)

    grant_type: str
    subject_token: str
    subject_token_type: str
    actor_token: str = ""
    actor_token_type: str = ""
    audience: str = ""
    resource: str = ""
    scope: str = ""
    lifetime: int = 0
    requested_token_type: str = ""


class Exchange:
    """Handlers. Without an own issuer, there is nothing here."""

    _log = Logger()

    def __init__(self, parts: Parts, now: Callable[[], float] = time.time) -> None:
        self._parts = parts
        self._pace = Pace(now)
        self._now = now

    async def metadata(self, call: Call, principal: Principal | None) -> Reply:
        """GET /.well-known/openid-configuration: who issues the gateway's own tokens, and where the keys are."""
        return Reply(self._own().metadata(), headers=_PUBLIC)

    async def keys(self, call: Call, principal: Principal | None) -> Reply:
        """GET /oauth/keys: the public keys of the gateway's own tokens (RFC 7517)."""
        return Reply(self._own().keys.jwks(), headers=_PUBLIC)

    async def token(self, call: Call, principal: Principal | None) -> Reply:
        """POST /oauth/token: a token for targets or for an agent, in exchange for one that is accepted (RFC 8693)."""
        own = self._own()
        try:
            if not (call.peer.encrypted or call.local):
                raise ExchangeRefused("invalid_request", "tokens are not taken in the clear: use TLS")
            _check_head(call)
            asked = read_request(call.body, own.url, own.section.audiences)
            return await self._exchanged(own, asked, call)
        except ExchangeRefused as refusal:
            return _refused(400, refusal.code, str(refusal))
        except _Unauthorized as refusal:
            challenge = {"WWW-Authenticate": f'{refusal.scheme} realm="hoop"'}
            return _refused(401, "invalid_client", NO_CLIENTS, more=challenge)
        except IssuerUnavailable:
            return _refused(503, "temporarily_unavailable", "the token's issuer cannot be asked now", 5)
        except StoreUnavailable:  # which knows what was used before
            return _refused(503, "temporarily_unavailable", "the store does not answer", 5)
        except LimitExceeded as refusal:
            return _refused(429, "temporarily_unavailable", str(refusal), 1)

    async def _exchanged(self, own: OwnIssuer, asked: Asked, call: Call) -> Reply:
        subject = await self._proved("subject_token", asked.subject_token, call)
        self._pace.take(subject.key, own.section.rate)
        actor = await self._proved("actor_token", asked.actor_token, call) if asked.actor_token else None
        if actor is not None:
            self._pace.take(actor.key, own.section.rate)
        made = narrowed(subject, asked.narrower, actor)
        if asked.audience and made.targets is not None:  # what opens one target here does not open another house
            raise ExchangeRefused("invalid_target", NO_TARGET)
        if actor is not None:
            self._may_act(own, actor, subject)
        self._check_targets(made)
        try:
            issued = self._parts.identity.issue(made, asked.lifetime_within(own.section.lifetime), asked.audience)
        except AuthenticationFailed as fault:
            raise ExchangeRefused("invalid_request", str(fault)) from None
        self._tell(made, asked, issued, call)
        return Reply(_answer(asked, issued, self._now()), headers=_NO_STORE)

    async def _proved(self, what: str, token: str, call: Call) -> Principal:
        """I8: the one door, with its locks, source ranges and one-time tokens (I10): used here is used."""
        identity = self._parts.identity
        try:
            principal: Principal = await identity.authenticate(token, call.peer)
            if not identity.still_valid(principal):
                raise AuthenticationFailed(f"{principal.key} is locked or expired")
        except IssuerUnavailable:
            raise
        except AuthenticationFailed as fault:
            # RFC 8693, section 2.2.2, wants invalid_request; why is for the log only.
            self._log.info("no exchange: {what}: {why}", what=what, why=str(fault), address=call.peer.address)
            raise ExchangeRefused("invalid_request", f"the {what} is not accepted") from None
        return principal

    def _may_act(self, own: OwnIssuer, actor: Principal, subject: Principal) -> None:
        settings = self._parts.settings()
        names = {issuer.issuer: issuer.name for issuer in settings.issuers}
        names |= {provider.entity_id: provider.name for provider in settings.saml}
        if not Acting(own.section.actors, names).permit(actor, subject):
            self._log.info("no exchange: {a} may not act for {s}", a=actor.key, s=subject.key)
            raise ExchangeRefused("invalid_request", "the actor may not act for the subject")

    def _check_targets(self, principal: Principal) -> None:
        """What is not there and what is not open are answered alike."""
        policy, sections = self._parts.policy(), {s.name: s for s in self._parts.settings().targets}
        for name in principal.targets or ():
            section = sections.get(name)
            if section is None or policy.authorize(principal, target_of_section(section)).effect is not Effect.ALLOW:
                raise ExchangeRefused("invalid_target", NO_TARGET)

    def _tell(self, made: Principal, asked: Asked, issued: Issued, call: Call) -> None:
        self._log.info(
            "token exchanged for {principal}",
            principal=made.label,
            key=made.key,
            actors=[f"{actor.issuer}|{actor.subject}" for actor in made.chain],
            targets=sorted(made.targets or ()),
            audience=asked.audience,
            token=issued.id,
            expires=issued.expires,
            address=call.peer.address,
            request=call.request_id,
        )

    def _own(self) -> OwnIssuer:
        own = self._parts.own()
        if own is None:
            raise Problem(404, "no such resource")
        return own


def _answer(asked: Asked, issued: Issued, now: float) -> dict[str, Any]:
    """RFC 8693, section 2.2.1."""
    answer: dict[str, Any] = {
        "access_token": issued.token,
        "issued_token_type": asked.issued_type,
        "token_type": "Bearer",
        "expires_in": max(0, int(issued.expires - now)),
    }
    return answer | ({"scope": asked.scope} if asked.scope else {})


class _Unauthorized(Exception):
    """A client that authenticates itself, by an authentication scheme of HTTP."""

    def __init__(self, scheme: str) -> None:
        super().__init__(scheme)
        self.scheme = scheme


def _check_head(call: Call) -> None:
    """The request but for its body; RFC 6749, sections 2.3.1, 3.2 and 5.2, and appendix B: forms are UTF-8."""
    if "authorization" in call.headers:
        scheme = call.headers["authorization"][0].partition(" ")[0]
        raise _Unauthorized(scheme if _SCHEME.fullmatch(scheme) else "Basic")
    if call.query:  # K13: what stands in an address is logged on the way
        raise ExchangeRefused("invalid_request", "parameters stand in the body, not in the address")
    kinds = call.headers.get("content-type", ())
    kind, _, rest = (kinds[0] if len(kinds) == 1 else "").partition(";")
    charset = rest.replace(" ", "").replace("\t", "").lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != _FORM or charset not in ("", "utf-8", "us-ascii"):
        raise ExchangeRefused("invalid_request", f"send {_FORM}, in UTF-8")


def _refused(status: int, code: str, why: str, after: int = 0, more: Mapping[str, str] | None = None) -> Reply:
    """RFC 6749, section 5.2."""
    headers = {**_NO_STORE, **({"Retry-After": str(after)} if after else {}), **(more or {})}
    return Reply({"error": code, "error_description": why}, status, headers=headers)
