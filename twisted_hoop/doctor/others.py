"""Whom the gateway needs besides its targets: issuers, the store, object storage, channels; and itself, if it runs."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted_hoop.archive.opening import open_storage
from twisted_hoop.doctor.clocks import compared, time_of
from twisted_hoop.doctor.finding import Finding, in_thread
from twisted_hoop.doctor.sockets import head, reach
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError, HoopError
from twisted_hoop.identity.keys import keys_for
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.secrets.secret import problem_with
from twisted_hoop.settings import IssuerSection, ListenerSection, NotifySection, Settings
from twisted_hoop.store.looking import Looked, look
from twisted_hoop.transport.bindings import TcpBinding
from twisted_hoop.transport.names import server_binding

_ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  looked for, not listened on


async def look_at_issuer(reactor: Any, section: IssuerSection, patience: float) -> list[Finding]:
    """Fetch its keys as the gateway does, and compare clocks where it is a server."""
    keys = keys_for(section, reactor)
    with suppress(AuthenticationFailed):  # as expected: no issuer has that key, but all were fetched
        await keys.find("hoop-doctor-asks", section.algorithms[0])
    count, _, problem = keys.describe()
    if problem or not count:
        what = problem or "has no keys: none of its tokens can be verified"
        todo = "see that the issuer runs, that this machine may reach it, and `issuer`, `jwks` and `ca`"
        return [Finding("issuer", section.name, "error", what, todo)]
    found = [Finding("issuer", section.name, "ok", f"{count} keys")]
    url = section.jwks or section.issuer
    return found if "://" not in url else found + await _clock(reactor, section, url, patience)


async def _clock(reactor: Any, section: IssuerSection, url: str, patience: float) -> list[Finding]:
    try:
        answer = await in_thread(reactor, lambda: head(url, patience, section.ca))
    except (OSError, http.client.HTTPException):
        return []  # its keys came: that it does not answer HEAD is no fault
    theirs = time_of(answer.date)
    return [] if theirs is None else [compared(section.name, theirs, time.time())]


async def look_at_store(reactor: Any, settings: Settings) -> list[Finding]:
    """Reachable, of which schema, and whether it can be written."""
    try:
        looked = await in_thread(reactor, lambda: look(store_url(settings)))
    except HoopError as error:
        return [Finding("store", "store", "error", str(error), "see that the database runs, and [store] url")]
    found = [_schema(looked)]
    if not looked.writable:
        todo = "give the role CREATE on the schema, or name the primary; for SQLite: chown the state folder"
        found.append(Finding("store", looked.kind, "error", "cannot be written", todo))
    return [*found, compared("store", looked.now, time.time())] if looked.now else found


def store_url(settings: Settings) -> str:
    """The SQLAlchemy URL of the store."""
    return settings.store.url or f"sqlite:///{Path(settings.gateway.state) / 'store.db'}"


def _schema(looked: Looked) -> Finding:
    kind, revision, newest = looked.kind, looked.revision, looked.newest
    if not revision:
        return Finding("store", kind, "ok", "empty: the first start makes the tables")
    if revision == newest:
        return Finding("store", kind, "ok", f"schema {revision}, the newest")
    if revision > newest:  # revisions are numbers with leading zeros
        what = f"schema {revision} is of a later version than this one ({newest})"
        return Finding("store", kind, "error", what, "run the newer version: there is no way back but a backup")
    return Finding("store", kind, "warning", f"schema {revision}: the next start makes it {newest}", "back it up first")


async def look_at_storage(reactor: Any, settings: Settings, secrets: ISecretStore) -> list[Finding]:
    """Ask object storage for something that is not there."""
    section = settings.recording.storage
    access = await secrets.resolve(section.access_key) if section.access_key else ""
    secret = await secrets.resolve(section.secret_key) if section.secret_key else ""
    place = section.url.partition("?")[0]
    todo = "see endpoint, region, bucket and keys; the keys need Get, Put and List there"

    def work() -> None:
        if section.url.startswith("file:") and not Path(urlsplit(section.url).path).is_dir():
            raise ConfigurationError(["the folder is not there; opening it would make it"])
        open_storage(section, access, secret).check()

    try:
        await in_thread(reactor, work)
    except HoopError as error:
        return [Finding("storage", place, "error", str(error), todo)]
    return [Finding("storage", place, "ok", "answers")]


async def look_at_channel(
    reactor: Any, section: NotifySection, secrets: ISecretStore, patience: float
) -> list[Finding]:
    """Connect, with TLS where the channel has it, and say nothing: nobody is told anything."""
    host, port, ca = await _whereabouts(section, secrets)
    try:
        await in_thread(reactor, lambda: reach(host, port, patience, ca))
    except OSError as error:
        what = f"{host}:{port}: {error.strerror or type(error).__name__}"
        return [Finding("channel", section.name, "error", what, "see that this machine may reach it, and `ca`")]
    return [Finding("channel", section.name, "ok", f"{host}:{port} can be reached; nothing was sent")]


async def _whereabouts(section: NotifySection, secrets: ISecretStore) -> tuple[str, int, str | None]:
    """Host, port and CA (None: no TLS at once). Of a URL, which is itself a secret, no more than that (R11)."""
    if section.kind == "email":
        host, _, port = section.server.rpartition(":")
        return host.strip("[]"), int(port), section.ca if section.encryption == "tls" else None
    url = section.url if problem_with(section.url) else await secrets.resolve(section.url)
    parts = urlsplit(url.strip())
    secure = parts.scheme == "https"
    if not parts.hostname:
        raise ConfigurationError([f"notify ({section.name}): url is none"])
    return parts.hostname, parts.port or (443 if secure else 80), section.ca if secure else None


def readiness_url(listener: ListenerSection) -> str:
    """Where a gateway of this machine says whether it is ready; "" for an endpoint without a port."""
    binding = server_binding(listener.endpoint)
    if not isinstance(binding, TcpBinding) or not binding.port:
        return ""
    host = _ANYWHERE.get(binding.interface, binding.interface)
    scheme = "https" if listener.certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{binding.port}/readyz"


async def look_at_gateway(
    reactor: Any, listener: ListenerSection, patience: float, ask: Callable[..., Any] = head
) -> list[Finding]:
    """What /readyz says, where a gateway runs."""
    url = readiness_url(listener)
    if not url:
        return []
    try:
        answer = await in_thread(reactor, lambda: ask(url, patience, None, "GET"))
    except ConnectionRefusedError:
        return [Finding("gateway", listener.name, "ok", "does not run")]
    except (OSError, http.client.HTTPException) as error:
        todo = "something else may have the port; see the listeners above, and the log"
        return [Finding("gateway", listener.name, "warning", f"{url}: {type(error).__name__}", todo)]
    if answer.status == 200:
        return [Finding("gateway", listener.name, "ok", "runs and is ready")]
    what = f"is not ready (status {answer.status}): {answer.body[:300].strip()}"
    return [Finding("gateway", listener.name, "error", what, "hoop's log and /v1/health say more")]
