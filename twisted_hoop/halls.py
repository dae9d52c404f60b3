"""The targets that are offered, by name, each protocol's in its own kind of hall; a reload replaces them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import re2
from twisted.internet.interfaces import IStreamClientEndpoint

from twisted_hoop.errors import ConfigurationError, UnknownTarget
from twisted_hoop.http.credentials import Credentials
from twisted_hoop.http.dialect import Dialect
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.http.pool import Pool
from twisted_hoop.identity.scram_keys import SaltedPasswords
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.postgres.hall import Hall
from twisted_hoop.postgres.target import TargetDoor
from twisted_hoop.settings import MaskSection, Settings, TargetSection
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.sql.reader import SqlReader
from twisted_hoop.ssh.hall import TARGET_LIMITS, SshHall
from twisted_hoop.ssh.target import SshDoor
from twisted_hoop.transport import ByAgent, ReloadingContext, client_context, client_endpoint

_HallT = TypeVar("_HallT", Hall, SshHall, HttpHall)


class Halls:
    """See the module. A session whose hall was replaced is ended by the warden: its masks are not those in force."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        secrets: ISecretStore,
        key: bytes,
        memory: Path,
        authority: SshAuthority | None = None,
        by_agent: ByAgent | None = None,
    ) -> None:
        self._reactor = reactor
        self._secrets = secrets
        self._key = key
        self._memory = memory
        self._authority = authority
        self._by_agent = by_agent
        self._sql = SqlReader(cache_size=1024)
        self._shell = ShellReader()
        self._salted = SaltedPasswords()
        self._halls: dict[str, Hall] = {}
        self._ssh: dict[str, SshHall] = {}
        self._http: dict[str, HttpHall] = {}
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """New targets and masks; what did not change keeps what is known of it."""
        sections = settings.targets
        halls = {s.name: self._hall(s, settings.masks) for s in sections if s.protocol == "postgres"}
        ssh = {s.name: self._ssh_hall(s, settings.masks) for s in sections if s.protocol == "ssh"}
        http = {s.name: self._http_hall(s, settings.masks) for s in sections if s.protocol in ("http", "kubernetes")}
        dropped = [hall for name, hall in self._http.items() if http.get(name) is not hall]
        self._halls, self._ssh, self._http = halls, ssh, http
        for hall in dropped:
            hall.pool.close()

    def find(self, name: str) -> Hall:
        """The hall of that PostgreSQL target, or raise UnknownTarget."""
        return _found(self._halls, name)

    def find_ssh(self, name: str) -> SshHall:
        """The hall of that SSH target, or raise UnknownTarget."""
        return _found(self._ssh, name)

    def find_http(self, name: str) -> HttpHall:
        """The hall of that target of HTTP, or raise UnknownTarget."""
        return _found(self._http, name)

    def named_http(self, host: str) -> HttpHall | None:
        """The one plain HTTP target that is served by this host name; None for none, and for two."""
        found = [hall for hall in self._http.values() if hall.answers_to(host)]
        return found[0] if len(found) == 1 else None

    def named_ssh(self, host: str, port: int) -> SshHall:
        """The SSH target that a client means by this behind `ssh -J`; UnknownTarget for none, and for two (S20)."""
        found = [hall for hall in self._ssh.values() if hall.answers_to(host, port)]
        exact = [hall for hall in found if hall.section.name == host.lower()]
        if len(exact or found) != 1:
            raise UnknownTarget(f"{len(found)} targets are called {host!r}")
        return (exact or found)[0]

    def _hall(self, section: TargetSection, masks: list[MaskSection]) -> Hall:
        mine = _of(section, masks)
        known = self._halls.get(section.name)
        if known is not None and known.same(section, mine):
            return known
        endpoint = self._endpoint(section)
        door = TargetDoor(self._reactor, section, endpoint, self._secrets, _context(section), self._salted)
        return Hall(self._reactor, section, door, self._sql, mine, self._key, self._memory)

    def _ssh_hall(self, section: TargetSection, masks: list[MaskSection]) -> SshHall:
        mine = _of(section, masks)
        known = self._ssh.get(section.name)
        if known is not None and known.same(section, mine):
            return known
        if self._authority is None:
            raise ConfigurationError([f"targets ({section.name}): there is no authority for SSH"])
        endpoint = self._endpoint(section)
        door = SshDoor(self._reactor, section, endpoint, self._secrets, self._authority, TARGET_LIMITS)
        return SshHall(section, door, self._shell, mine, self._key)

    def _http_hall(self, section: TargetSection, masks: list[MaskSection]) -> HttpHall:
        mine = _of(section, masks)
        known = self._http.get(section.name)
        if known is not None and known.same(section, mine):
            return known
        reactor = self._reactor
        credentials = Credentials(section, self._secrets, reactor.seconds)
        endpoint = self._endpoint(section)
        pool = Pool(reactor, section, endpoint, _context(section, ("http/1.1",)), credentials)
        return HttpHall(section, pool, self._dialect(section, mine), mine)

    def _endpoint(self, section: TargetSection) -> IStreamClientEndpoint:
        return client_endpoint(self._reactor, section.endpoint, self._by_agent)

    def _dialect(self, section: TargetSection, masks: list[MaskSection]) -> Dialect:
        if section.protocol == "kubernetes":
            return KubernetesDialect(section, self._key, self._shell, masks)
        return PlainDialect(section, self._key, masks)


def _found(halls: dict[str, _HallT], name: str) -> _HallT:
    hall = halls.get(name)
    if hall is None:
        raise UnknownTarget(f"there is no target {name!r}")
    return hall


def _of(section: TargetSection, masks: list[MaskSection]) -> list[MaskSection]:
    return [m for m in masks if not m.targets or any(re2.fullmatch(p, section.name) for p in m.targets)]


def _context(section: TargetSection, alpn: tuple[str, ...] = ()) -> Callable[[], ssl.SSLContext] | None:
    mode = section.tls
    if mode == "disable":
        return None
    return ReloadingContext(
        lambda: client_context(mode, section.ca, section.certificate, section.key, alpn),
        section.ca,
        section.certificate,
        section.key,
        name=f"target {section.name}",
    )
