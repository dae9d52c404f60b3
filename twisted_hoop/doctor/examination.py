"""Everything a doctor looks at, for one configuration."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted_hoop.config import load
from twisted_hoop.config.references import Reference, references_of
from twisted_hoop.doctor.agents import behind, look_at_agents
from twisted_hoop.doctor.certificates import look_at, places
from twisted_hoop.doctor.finding import Finding, Look, in_thread, take_all
from twisted_hoop.doctor.ground import folders, look_at_descriptors, look_at_files, look_at_folder, look_at_room
from twisted_hoop.doctor.others import (
    look_at_channel,
    look_at_gateway,
    look_at_issuer,
    look_at_storage,
    look_at_store,
    store_url,
)
from twisted_hoop.doctor.sockets import look_at_port
from twisted_hoop.doctor.targets import look_at_target
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.halls import Halls
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import GatewayKeys, load_gateway_keys
from twisted_hoop.secrets.store import SecretStore
from twisted_hoop.settings import Settings, TargetSection

PATIENCE = 15.0
"""Seconds any one look may take."""
WhyNot = Callable[[SecretStore, Reference], Awaitable[str]]
"""Follows a reference: "" when what it leads to can be had, else why not."""
_KEYS = ("user_ca", "host_ca", "host_key", "agent_ca")


async def examine(
    reactor: Any, file: Path, environ: Mapping[str, str], why_not: WhyNot, patience: float = PATIENCE
) -> list[Finding]:
    """What is found, in the order of the looks. Ends within about twice `patience` seconds."""
    try:
        settings = load(file)
    except ConfigurationError as fault:
        todo = "hoop config check shows the lines; docs/reference/configuration.md has every key"
        return [Finding("configuration", file.name, "error", problem, todo) for problem in fault.problems]
    fine = Finding("configuration", file.name, "ok", f"{len(settings.targets)} targets, {len(settings.rules)} rules")
    vault = SecretStore(reactor, environ, root=file.parent, secrets=settings.secrets, vault=settings.vault)
    try:
        looks = _Looks(reactor, settings, file, vault, why_not, patience)
        found = await take_all(reactor, looks.all(), patience)
        return [fine, *found]
    finally:
        await vault.stop()


class _Looks:
    """The list. Looks that block do so in threads."""

    def __init__(
        self, reactor: Any, settings: Settings, file: Path, vault: SecretStore, why_not: WhyNot, patience: float
    ) -> None:
        self._reactor, self._settings, self._file, self._vault = reactor, settings, file, vault
        self._why_not, self._patience = why_not, patience
        self._each = patience * 0.6
        """For one exchange, so that what a look does afterwards fits into its time."""

    def all(self) -> Iterator[Look]:
        """Every look of this configuration."""
        yield from self._ground()
        yield from self._doors()
        yield from self._others()
        led = behind(self._settings.targets)
        if led:
            yield self._blocking(
                "agents", "targets", partial(look_at_agents, store_url(self._settings), led, self._ca())
            )
        names = {name for name, _ in led}
        for section in self._settings.targets:
            if section.name not in names:
                yield self._target(section)

    def _blocking(self, area: str, name: str, work: Callable[[], list[Finding]]) -> Look:
        return Look(area, name, lambda: in_thread(self._reactor, work), "see that this account may look there")

    def _ground(self) -> Iterator[Look]:
        settings, least = self._settings, self._settings.recording.minimum_free
        yield self._blocking("files", self._file.name, lambda: look_at_files(settings, self._file))
        for name, folder in folders(settings).items():
            yield self._blocking("folder", name, partial(look_at_folder, name, folder))
            yield self._blocking("space", name, partial(look_at_room, name, folder, least))
        yield self._blocking("limits", "open files", lambda: look_at_descriptors(settings))
        for place in places(settings):
            if place.file:
                yield self._blocking("certificate", place.what, partial(look_at, place))

    def _doors(self) -> Iterator[Look]:
        for listener in self._settings.listeners:
            yield self._blocking("listener", listener.name, partial(look_at_port, listener))
            if listener.protocol == "api":
                take = partial(look_at_gateway, self._reactor, listener, self._each)
                yield Look("gateway", listener.name, take, "see the gateway's log")

    def _others(self) -> Iterator[Look]:
        reactor, settings = self._reactor, self._settings
        yield Look("store", "store", partial(look_at_store, reactor, settings), "see [store] url")
        for reference in references_of(settings):
            yield Look("secret", reference.key, partial(self._secret, reference), "see docs/secrets.md")
        for issuer in settings.issuers:
            take = partial(look_at_issuer, reactor, issuer, self._each)
            yield Look("issuer", issuer.name, take, "see that this machine may reach it")
        if settings.recording.storage.url:
            take = partial(look_at_storage, reactor, settings, self._vault)
            yield Look("storage", "recordings", take, "see [recording.storage], and the way there")
        for channel in settings.notify:
            told = partial(look_at_channel, reactor, channel, self._vault, self._each)
            yield Look("channel", channel.name, told, "see that this machine may reach it")

    async def _secret(self, reference: Reference) -> list[Finding]:
        why = await self._why_not(self._vault, reference)
        if why:
            todo = f"see docs/secrets.md on {reference.scheme}:, and run this in the gateway's environment"
            return [Finding("secret", reference.key, "error", why, todo)]
        return [Finding("secret", reference.key, "ok", f"{reference.scheme}: can be had")]

    def _target(self, section: TargetSection) -> Look:
        return Look("target", section.name, lambda: self._logged_in(section), "see that the target runs")

    async def _logged_in(self, section: TargetSection) -> list[Finding]:
        """Halls of one target, so that one that cannot be made is a finding of its own."""
        authority = self._authority()
        if section.protocol == "ssh" and authority is None:
            what = "the gateway has no SSH keys yet, the first start makes them: no log-in was tried"
            return [Finding("target", section.name, "warning", what, "start the gateway once, then look again")]
        alone = self._settings.model_copy(update={"targets": [section], "masks": []})
        memory = Path(self._settings.gateway.state) / "bindings"
        halls = Halls(self._reactor, alone, self._vault, random.token_bytes(32), memory, authority)
        return await look_at_target(self._reactor, halls, section)

    def _authority(self) -> SshAuthority | None:
        keys = self._keys()
        return None if keys is None else SshAuthority(keys, self._settings.ssh)

    def _ca(self) -> str:
        """The fingerprint of the authority for agents; "" while there is none."""
        keys = self._keys()
        return "" if keys is None else keys.agent_ca.public.fingerprint

    def _keys(self) -> GatewayKeys | None:
        """None where a key would have to be made: a doctor makes nothing."""
        section, state = self._settings.ssh, Path(self._settings.gateway.state)
        files = [Path(getattr(section, name) or state / f"ssh_{name}") for name in _KEYS]
        if not all(os.access(file, os.R_OK) for file in files):
            return None
        return load_gateway_keys(section, state)
