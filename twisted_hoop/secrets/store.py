"""Where secrets come from: each scheme of references has its provider, and all are kept for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.secrets.aws import Aws
from twisted_hoop.secrets.cluster import ClusterSecrets
from twisted_hoop.secrets.files import read_credential, read_secret_file
from twisted_hoop.secrets.kept import Kept
from twisted_hoop.secrets.leases import LeaseBook, Leases
from twisted_hoop.secrets.nowhere import Nowhere
from twisted_hoop.secrets.secret import Login, Secret, makes_logins, split_reference
from twisted_hoop.secrets.vault import Vault
from twisted_hoop.secrets.vault_logins import VaultLogins
from twisted_hoop.secrets.vault_ssh import VaultSigner
from twisted_hoop.settings import SecretsSection, TargetSection, VaultSection
from twisted_hoop.transport.connect import TcpPlace
from twisted_hoop.transport.names import client_place

_TTL = {"env": "env", "file": "file", "systemd": "file", "vault": "vault", "k8s": "kubernetes", "aws-sm": "aws"}
"""Scheme → its key in `[secrets.ttl]`."""


@implementer(ISecretStore)
class SecretStore:
    """Resolves references, and logs in at targets with them.

    `environ` is given, never read from the process: `os.environ` for the service. `root` is where relative paths start.
    `book` is where leases of log-ins are written down, `lost` is told of sessions whose log-in ends.
    """

    def __init__(
        self,
        reactor: Any,
        environ: Mapping[str, str],
        *,
        root: Path = Path(),
        now: Callable[[], float] = time.monotonic,
        secrets: SecretsSection | None = None,
        vault: VaultSection | None = None,
        book: LeaseBook | None = None,
        lost: Callable[[str, str], None] = lambda session, why: None,
    ) -> None:
        self._reactor, self._environ, self._root = reactor, environ, root
        self._section = secrets = secrets or SecretsSection()
        self._vault = Vault(reactor, environ, vault, secrets.timeout, root)
        self._kept = Kept(now, lambda: self._section.stale)
        self._signer = VaultSigner(self._vault)
        self.leases = Leases(reactor, VaultLogins(self._vault), book or Nowhere(), lost)
        self.replace(secrets)

    def replace(self, section: SecretsSection) -> None:
        """Another `[secrets]`: times, and how the cluster and AWS are reached. `[vault]` needs a restart."""
        before, self._section = self._section, section
        for scheme, of in (("k8s", "kubernetes"), ("aws-sm", "aws")):
            if getattr(before, of) != getattr(section, of):  # of the other cluster nothing is shown any more (R11)
                self._kept.drop(scheme)
        self._cluster = ClusterSecrets(self._reactor, self._environ, self._placed(section), section.timeout)
        self._aws = Aws(self._reactor, self._environ, section.aws, section.timeout)

    def _placed(self, section: SecretsSection) -> str:
        path = section.kubernetes.kubeconfig
        return str(self._root / path) if path else ""

    # -- ISecretStore ---------------------------------------------------------------------------------------------

    async def resolve(self, reference: str) -> str:
        """The secret behind a reference, or raise SecretUnavailable, which never quotes the secret."""
        scheme, rest = split_reference(reference)
        ttl: float = getattr(self._section.ttl, _TTL[scheme])
        return await self._kept.get(reference, ttl, lambda: self._read(scheme, rest))

    def forget(self, reference: str) -> None:
        """Read it anew next time: it may have been rotated."""
        self._kept.forget(reference)

    async def login(self, target: TargetSection, session: str) -> Login:
        """See ISecretStore."""
        reference = target.secret
        if makes_logins(reference):
            return await self.leases.login(reference, session, target.lease == "shared")
        if reference.startswith("aws-rds-iam:"):
            return Login(target.login, await self._rds_token(target))
        return Login(target.login, await self.resolve(reference) if reference else "")

    async def login_anew(self, target: TargetSection, session: str, refused: Login) -> Login | None:
        """See ISecretStore."""
        reference = target.secret
        if makes_logins(reference):
            return await self.login(target, session) if self.leases.distrust(reference, refused) else None
        if not reference or reference.startswith("aws-rds-iam:"):
            return None
        self.forget(reference)
        found = await self.login(target, session)
        return found if found != refused else None

    async def sign_ssh(self, reference: str, public_key: str, login: str, key_id: str) -> str:
        """See ISecretStore."""
        return await self._signer.sign(reference, public_key, login, key_id)

    def release(self, session: str) -> None:
        """The session is over: log-ins that were made for it are taken back."""
        self.leases.release(session)

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self, interrupted: Iterable[str] = ()) -> None:
        """Take back what a crash left of these sessions, and of whoever is gone. Raises StoreUnavailable."""
        await self.leases.start(interrupted)

    async def stop(self) -> None:
        """Give back every log-in, then the token they hang on. Never raises SecretUnavailable."""
        await self.leases.stop()
        await self._vault.stop()

    # -- providers ------------------------------------------------------------------------------------------------

    async def _read(self, scheme: str, rest: str) -> Secret:
        name, _, field = rest.partition("#")
        match scheme:
            case "env":
                return self._variable(rest)
            case "file":
                return await self._in_thread(read_secret_file, self._root / rest)
            case "systemd":
                return await self._in_thread(read_credential, self._environ, rest)
            case "k8s":
                namespace, _, secret = name.partition("/")
                return await self._cluster.read(namespace, secret, field)
            case "aws-sm":
                return await self._aws.read(name, field)
        return await self._vault.read(name, field)

    def _variable(self, name: str) -> Secret:
        value = self._environ.get(name, "")
        if not value:
            raise SecretUnavailable(f"environment variable {name} is not set")
        return Secret(value)

    async def _in_thread(self, work: Any, *arguments: Any) -> Secret:
        found: Secret = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *arguments)
        return found

    async def _rds_token(self, target: TargetSection) -> Secret:
        place = client_place(target.endpoint)
        if place is None or not isinstance(place.where, TcpPlace):
            raise SecretUnavailable("aws-rds-iam: needs an endpoint of host and port")
        region = target.secret.removeprefix("aws-rds-iam:")
        host = target.server_name or place.where.host
        return await self._aws.rds_token(region, host, place.where.port, target.login)
