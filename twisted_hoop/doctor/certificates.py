"""Certificates in files: days left, whether they form a chain, whose they are, whether the key fits. Blocks."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from twisted_hoop.doctor.finding import Finding, State
from twisted_hoop.settings import Settings

SOON = 21
"""Days before its end at which a certificate is worth a warning."""
_DAY = 86400.0
_AREA = "certificate"


@dataclass(frozen=True, slots=True)
class Place:
    """A PEM file: `key` is that of its certificate, `host` the name clients connect to; "" where there is none."""

    what: str
    file: str
    key: str = ""
    host: str = ""


def places(settings: Settings) -> Iterator[Place]:
    """Every file of certificates a configuration names."""
    host = urlsplit(settings.gateway.url).hostname or ""
    for listener in settings.listeners:
        if listener.certificate:
            named = listener.address.rpartition(":")[0].strip("[]") or host
            yield Place(f"listener {listener.name}", listener.certificate, listener.key, named)
    for target in settings.targets:
        yield Place(f"target {target.name}: client", target.certificate, target.key)
        yield Place(f"target {target.name}: ca", target.ca)
    for issuer in settings.issuers:
        yield Place(f"issuer {issuer.name}: ca", issuer.ca)
    for provider in settings.saml:
        yield Place(f"saml {provider.name}", provider.certificate)
    for channel in settings.notify:
        yield Place(f"channel {channel.name}: ca", channel.ca)
    yield Place("vault: ca", settings.vault.ca)


def look_at(place: Place, now: Callable[[], float] = time.time) -> list[Finding]:
    """What is to be said of one file; one line "ok" when nothing is wrong."""
    try:
        chain = x509.load_pem_x509_certificates(Path(place.file).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no certificate in PEM"
        return [Finding(_AREA, place.what, "error", f"{place.file}: {why}", "name a PEM file the gateway may read")]
    found = [_age(place, chain, now())]
    if place.key:
        found += _key(place, chain[0])
    if place.key:
        found += _linked(place, chain)
    if place.host:
        found += _named(place, chain[0])
    return found


def _age(place: Place, chain: list[x509.Certificate], now: float) -> Finding:
    """The one that ends first decides. Authorities may stand in a bundle after their end, when others stay."""
    ends = [certificate.not_valid_after_utc.timestamp() for certificate in chain]
    end = min(ends) if place.key else max(ends)
    days = (end - now) / _DAY
    begins = max(certificate.not_valid_before_utc.timestamp() for certificate in chain[:1])
    state: State = "error" if days < 0 or begins > now else "warning" if days < SOON else "ok"
    what = f"{days:.0f} days left" if days >= 0 else f"ended {-days:.0f} days ago"
    if begins > now:
        what = f"is not valid for another {(begins - now) / 3600:.1f} h: is the clock right?"
    return Finding(_AREA, place.what, state, f"{place.file}: {what}", _renew(state))


def _renew(state: State) -> str:
    return "" if state == "ok" else "replace the file: listeners and targets read it again without a restart"


def _key(place: Place, leaf: x509.Certificate) -> Iterator[Finding]:
    try:
        key = load_pem_private_key(Path(place.key).read_bytes(), None)
    except (OSError, ValueError, TypeError):
        yield Finding(
            _AREA, place.what, "error", f"{place.key}: no readable PEM key", "name the key without a password"
        )
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        todo = "put certificate and key of one pair there"
        yield Finding(_AREA, place.what, "error", f"{place.key} is not the key of {place.file}", todo)


def _linked(place: Place, chain: list[x509.Certificate]) -> Iterator[Finding]:
    """Each is signed by the next one (RFC 8446, section 4.4.2): clients need the way up to an authority they know."""
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            what = f"{place.file}: {below.subject.rfc4514_string()} is not signed by the certificate behind it"
            yield Finding(_AREA, place.what, "error", what, "write the own certificate first, then its issuer, and on")


def _named(place: Place, leaf: x509.Certificate) -> Iterator[Finding]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        names = x509.SubjectAlternativeName([])
    if not _covers(names, place.host):
        what = f"{place.file} is not for {place.host}, where clients are sent"
        yield Finding(_AREA, place.what, "warning", what, "have that name in it, or set the listener's `address`")


def _covers(names: x509.SubjectAlternativeName, host: str) -> bool:
    """RFC 6125, section 6.4: a wildcard stands for one whole label, the first."""
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        pass
    wanted = host.lower()
    parent = "*." + wanted.partition(".")[2]
    return any(name.lower() in (wanted, parent) for name in names.get_values_for_type(x509.DNSName))
