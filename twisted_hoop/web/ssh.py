"""Certificates for SSH, and the authorities behind them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem


class CertificateBody(BaseModel):
    """POST /v1/ssh/certificate. `lifetime` in seconds; shorter than what is configured, never longer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_key: str = Field(min_length=1, max_length=16 * 1024)
    lifetime: float | None = Field(default=None, gt=0, le=30 * 86400)


class SshKeys:
    """Handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def certificate(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/ssh/certificate: who the token proves, signed into a certificate of that key.

        Whoever asks need not have the private key: without it, the certificate is of no use.
        """
        body = call.json(CertificateBody)
        try:
            key = parse_line(body.public_key)
            made = self._parts.identity.certify_ssh(principal, key, body.lifetime)
        except ValueError as error:
            raise Problem(400, f"no certificate: {error}") from None
        return Reply(
            {
                "certificate": made.line,
                "serial": str(made.serial),
                "key_id": made.key_id,
                "principals": list(made.principals),
                "valid_until": float(made.valid_before),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def authorities(self, call: Call, principal: Principal | None) -> Reply:
        """GET /v1/ssh/authorities: `users` is for TrustedUserCAKeys of targets.

        `hosts` is for `@cert-authority` in clients' known_hosts, `gateway` is the key of the listeners themselves.
        """
        if not self._parts.authorities:
            raise Problem(404, "this gateway has no authority for SSH")
        return Reply(dict(zip(("users", "hosts", "gateway"), self._parts.authorities, strict=True)))
