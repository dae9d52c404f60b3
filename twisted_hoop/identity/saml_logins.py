"""Log-ins at SAML providers, for the one door (I8). What speaks XML is imported when [[saml]] is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.interfaces import IReplayGuard
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import SamlSection, Settings

if TYPE_CHECKING:
    from twisted_hoop.saml.provider import SamlProvider

PROOF = "saml"


class SamlLogins:
    """The configured providers. `reactor` lends threads: an answer takes milliseconds to verify.

    ConfigurationError when a certificate cannot be read, or what verifies answers is not installed.
    """

    def __init__(self, settings: Settings, reactor: Any, replay: IReplayGuard, now: Callable[[], float]) -> None:
        self._providers = _made(settings)
        self._reactor = reactor
        self._replay = replay
        self._now = now
        self._sources = {each.name: SourceRanges(each.sources, f"saml ({each.name})") for each in settings.saml}

    @property
    def sections(self) -> list[SamlSection]:
        """For Vouching: each with what its certificates are in the place of their file.

        So a token that was made for somebody ends with the certificate that proved them, not only with the settings.
        """
        return [_with_keys(each) for each in self._providers.values()]

    def provider(self, name: str) -> SamlProvider:
        """That one, or AuthenticationFailed."""
        found = self._providers.get(name)
        if found is None:
            raise AuthenticationFailed("the provider of the log-in is not configured any more")
        return found

    async def proved(self, name: str, sent: str, request: str, peer: Peer) -> Principal:
        """Whom an answer to a request proves, or AuthenticationFailed. I7: an assertion proves somebody once."""
        provider = self.provider(name)
        self._sources[name].check(peer)
        pool, now = self._reactor.getThreadPool(), self._now()
        proved = await deferToThreadPool(self._reactor, pool, provider.proved, sent, request, now)
        if not await self._replay.first_use(provider.section.entity_id, f"saml {proved.assertion}", proved.until):
            raise AuthenticationFailed("the assertion was used before (I7)")
        principal: Principal = proved.principal
        return principal

    def unchanged(self, principal: Principal) -> bool:
        """Whether the provider, its settings and the certificate that proved somebody are still configured (I9)."""
        return any(each.vouches_for(principal) for each in self._providers.values())

    def describe(self) -> list[dict[str, Any]]:
        """As IdentityProvider.describe: `keys` are certificates that are valid now."""
        return [self._described(each) for each in self._providers.values()]

    def _described(self, provider: SamlProvider) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._now(), UTC)
        valid = [each for each in provider.certificates if each.not_valid_before_utc <= now <= each.not_valid_after_utc]
        problem = "" if valid else "none of its certificates is valid now: nobody can log in"
        named = {"name": provider.section.name, "issuer": provider.section.entity_id}
        return {**named, "keys": len(valid), "loaded": provider.made, "problem": problem}


def _made(settings: Settings) -> Mapping[str, SamlProvider]:
    if not settings.saml:
        return {}
    try:
        from twisted_hoop.saml.provider import make_providers
    except ImportError as error:
        raise ConfigurationError([f"saml: needs what is not installed ({error.name}): twisted-hoop[saml]"]) from None
    return make_providers(settings)


def _with_keys(provider: SamlProvider) -> SamlSection:
    prints = sorted(each.fingerprint(SHA256()).hex() for each in provider.certificates)
    return provider.section.model_copy(update={"certificate": " ".join(prints)})
