"""Log-ins that Vault's database engine makes, one by one.

Source: the database secrets engine's API: `GET /v1/<mount>/creds/<role>` answers `lease_id`, `lease_duration` (in
seconds), `renewable`, `data.username` and `data.password`; `/static-creds/<role>` the two without a lease. A lease is
renewed by `PUT /v1/sys/leases/renew` and ended by `PUT /v1/sys/leases/revoke`, which drops the role at the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import Login, login_of, problem_with_login
from twisted_hoop.secrets.vault import Vault

_MAX_NAME = 1024


@dataclass(frozen=True, slots=True)
class Lease:
    """A log-in and what it is called at Vault, "" for one that is not leased; it lives so many seconds from now."""

    login: Login
    name: str
    seconds: float
    renewable: bool


class VaultLogins:
    """See the module. Every method may raise SecretUnavailable."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def make(self, reference: str) -> Lease:
        """A log-in, newly made, of `vault:MOUNT/creds/ROLE` or `…/static-creds/ROLE`."""
        if why := problem_with_login(reference):
            raise SecretUnavailable(why)
        path = reference.removeprefix("vault:")
        answer = await self._vault.call("GET", path, what=reference)
        data = answer.get("data")
        fields: dict[str, Any] = data if isinstance(data, dict) else {}
        try:
            login = login_of(fields.get("username"), fields.get("password"), reference)
            if path.split("/")[-2] == "static-creds":
                return Lease(login, "", 0.0, False)
            return Lease(login, _name(answer, reference), _seconds(answer, reference), answer.get("renewable") is True)
        except SecretUnavailable:
            await self._give_back(answer.get("lease_id"))
            raise

    async def renew(self, name: str, seconds: float) -> float:
        """Ask for so many seconds from now; how many it lives."""
        body = {"lease_id": name, "increment": int(seconds)}
        return _seconds(await self._vault.call("PUT", "sys/leases/renew", body, what="renewing a lease: it"), "a lease")

    async def revoke(self, name: str) -> None:
        """End it. Of one that Vault does not know any more nothing is left to end."""
        await self._vault.call(
            "PUT", "sys/leases/revoke", {"lease_id": name, "sync": True}, what="revoking a lease: it"
        )

    async def _give_back(self, name: object) -> None:
        """One that cannot be used is not left behind, if it can be helped."""
        if isinstance(name, str) and name:
            try:
                await self.revoke(name)
            except SecretUnavailable:
                return  # it ends by itself, unrenewed


def _name(answer: dict[str, Any], what: str) -> str:
    name = answer.get("lease_id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise SecretUnavailable(f"{what} gave no lease")
    return name


def _seconds(answer: dict[str, Any], what: str) -> float:
    seconds = answer.get("lease_duration")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise SecretUnavailable(f"{what} does not say how long it lives")
    return float(seconds)
