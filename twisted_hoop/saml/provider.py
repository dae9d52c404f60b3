"""One identity provider: the requests it is sent, and what becomes of its answers."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.model import Principal
from twisted_hoop.saml.assertion import read_assertion
from twisted_hoop.saml.certificates import load_certificates
from twisted_hoop.saml.envelope import unpack
from twisted_hoop.saml.request import metadata_xml, request_url
from twisted_hoop.saml.rules import Expected, check_assertion, check_outside, principal_of
from twisted_hoop.saml.shape import reread, shape_of
from twisted_hoop.saml.trees import parse
from twisted_hoop.saml.verifying import Check, check, verified
from twisted_hoop.settings import SamlSection, Settings


@dataclass(frozen=True, slots=True)
class Proved:
    """Somebody, and the assertion that proved it: its id and when it cannot be shown any more (POSIX)."""

    principal: Principal
    assertion: str
    until: float


class SamlProvider:
    """See the module. `url` is the gateway's own; `check` verifies one signature.

    `certificates` are read when this is made: a reload makes another.
    """

    def __init__(
        self, section: SamlSection, url: str, certificates: tuple[Certificate, ...], check: Check = check
    ) -> None:
        self.section = section
        self._base = f"{url.rstrip('/')}/saml/{section.name}"
        self.certificates = certificates
        self.made = time.time()
        self._check = check
        rules = section.model_dump(mode="json", exclude={"certificate", "sso_url", "token_lifetime"})
        self._rules = json.dumps([rules, self._base], sort_keys=True).encode("ascii")
        self._seals = frozenset(map(self._seal, certificates))

    @property
    def entity_id(self) -> str:
        """What the provider calls us: the address of our metadata."""
        return f"{self._base}/metadata"

    @property
    def acs(self) -> str:
        """Where answers are posted."""
        return f"{self._base}/acs"

    def metadata(self) -> bytes:
        """The document providers read."""
        return metadata_xml(self.entity_id, self.acs, not self.section.subject).encode("utf-8")

    def address(self, request: str, relay: str, now: float) -> str:
        """Where a browser is sent to log in, with this request's ID."""
        return request_url(self._expected(request), self.section.sso_url, not self.section.subject, relay, now)

    def proved(self, sent: str, request: str, now: float) -> Proved:
        """Whom an answer to this request proves, or AuthenticationFailed. Blocks for milliseconds: for a thread.

        `sent` is the form's field SAMLResponse. What is checked stands here in the order it is checked in.
        """
        expected = self._expected(request)
        data = unpack(sent)
        shape = shape_of(parse(data))
        check_outside(shape, self.section, expected)
        signed = verified(data, shape, self.certificates, self._check)
        if signed.response is not None:
            # As above, now of what is signed: the two were parsed from different bytes.
            check_outside(reread(shape, signed.response), self.section, expected)
        told = read_assertion(signed.assertion)
        check_assertion(told, self.section, expected, now)
        principal = principal_of(told, self.section, self._seal(signed.certificate), now)
        until = max(told.confirmation.until, told.until or 0.0) + self.section.leeway
        return Proved(principal, told.id, until)

    def vouches_for(self, principal: Principal) -> bool:
        """Whether a log-in was judged by these settings and a certificate that is still one of them (I9)."""
        return principal.issuer == self.section.entity_id and principal.proof_id[:32] in self._seals

    def _expected(self, request: str) -> Expected:
        return Expected(self.entity_id, self.acs, request)

    def _seal(self, certificate: Certificate) -> str:
        """32 hex digits: the settings log-ins are judged by, and a certificate. Survives restarts, unlike a counter."""
        return hashlib.sha256(self._rules + certificate.fingerprint(SHA256())).hexdigest()[:32]


def make_providers(settings: Settings) -> dict[str, SamlProvider]:
    """The configured providers by name, or ConfigurationError. Reads their certificates."""
    found: dict[str, SamlProvider] = {}
    for number, section in enumerate(settings.saml):
        try:
            certificates = load_certificates(Path(section.certificate))
        except ValueError as error:
            raise ConfigurationError([f"saml.{number}.certificate: {error}"]) from None
        found[section.name] = SamlProvider(section, settings.gateway.url, certificates)
    return found
