"""Certificates that Vault's SSH engine signs, for the key of one session.

Source: the SSH secrets engine's API: `POST /v1/<mount>/sign/<role>` with `public_key`, `valid_principals`, `key_id`,
`cert_type` and `ttl` answers `data.signed_key`, a line as in a `-cert.pub` file. The role must allow `key_id`
(`allow_user_key_ids`); which extensions a certificate has is the role's business (`default_extensions`).
"""

from __future__ import annotations

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import problem_with_signer
from twisted_hoop.secrets.vault import Vault

LIFE = 300
"""Seconds a certificate is asked for: for logging in, not for the session."""
_MAX_LINE = 64 * 1024


class VaultSigner:
    """See the module."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def sign(self, reference: str, public_key: str, login: str, key_id: str) -> str:
        """The certificate's line for a public key's line. Raises SecretUnavailable. What it says is not looked at."""
        if why := problem_with_signer(reference):
            raise SecretUnavailable(why)
        mount, _, role = reference.removeprefix("vault-ssh:").rpartition("/")
        wanted = {
            "public_key": public_key,
            "valid_principals": login,
            "key_id": key_id,
            "cert_type": "user",
            "ttl": f"{LIFE}s",
        }
        answer = await self._vault.call("POST", f"{mount}/sign/{role}", wanted, what=reference)
        data = answer.get("data")
        line = data.get("signed_key") if isinstance(data, dict) else None
        if not isinstance(line, str) or not 0 < len(line) <= _MAX_LINE:
            raise SecretUnavailable(f"{reference} gave no certificate")
        return line.strip()
