"""Where secrets come from, and how long they are believed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod finds its own token, namespace and the cluster's CA."""


class TtlSection(Section):
    """[secrets.ttl]: how long a value is used before it is read anew, by the reference's scheme; 0 reads every time."""

    env: Duration = 60.0
    """`env:`."""
    file: Duration = 60.0
    """`file:` and `systemd:`."""
    vault: Duration = 60.0
    """`vault:PATH#FIELD`. Log-ins that Vault makes live as long as Vault says."""
    kubernetes: Duration = 60.0
    """`k8s:`."""
    aws: Duration = 300.0
    """`aws-sm:`; each reading costs money there."""


class ClusterSection(Section):
    """[secrets.kubernetes]: the cluster of `k8s:` references; empty: the one the gateway itself runs in."""

    kubeconfig: str = ""
    """A kubeconfig file whose current context is taken: a server, its CA, and a token or a client certificate."""


class AwsSection(Section):
    """[secrets.aws]: for `aws-sm:` and `aws-rds-iam:`. Credentials come from AWS's own chain: the environment, the
    profile, a web identity, the container, the instance."""

    region: str = Field(default="", pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9])?$")
    """Where secrets are, when neither an ARN nor AWS_REGION says so."""
    endpoint: str = ""
    """Of Secrets Manager, when not AWS's public one: a VPC endpoint, `https://…`."""


class SecretsSection(Section):
    """[secrets]: how references to secrets are followed."""

    stale: Duration = 0.0
    """How long a value is used on after its time when what gives it does not answer; 0: not at all (fail closed). What
    was refused, or does not exist any more, is never used on."""
    timeout: Duration = Field(default=10.0, ge=0.1, le=60.0)
    """For one reading."""
    ttl: TtlSection = TtlSection()
    """How long a value is used."""
    kubernetes: ClusterSection = ClusterSection()
    """Secrets of a cluster."""
    aws: AwsSection = AwsSection()
    """Secrets of AWS."""


class VaultSection(Section):
    """[vault]: the HashiCorp Vault or OpenBao server of `vault:` and `vault-ssh:` references, and of `vault-transit`.
    What is not written here comes from Vault's own variables: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_TOKEN,
    VAULT_TOKEN_FILE."""

    address: str = ""
    """`https://vault.internal:8200`; plain http only to this machine's loopback."""
    namespace: str = ""
    """Of Vault Enterprise and of OpenBao."""
    ca: str = ""
    """PEM file with the CA that signed the server's certificate; empty: VAULT_CACERT, or the system's."""
    auth: Literal["token", "kubernetes", "approle", "jwt"] = "token"
    """How the gateway logs in: a `token` of VAULT_TOKEN or VAULT_TOKEN_FILE, which others renew; the pod's service
    account; an AppRole; or a `jwt` of another issuer. The token it gets is renewed, and given back at the end."""
    mount: str = Field(default="", pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$")
    """Where that method is mounted; empty: its name."""
    role: str = ""
    """kubernetes, jwt: the role to log in as."""
    role_id: str = ""
    """approle: the role's id, which is no secret."""
    secret_id: str = ""
    """approle: the secret id, as a reference of scheme env, file or systemd."""
    jwt: str = ""
    """jwt: the token, as a reference of scheme env, file or systemd. kubernetes: `file:PATH` of the service
    account's token, when it is not the usual one; others may read it, as Kubernetes makes it."""
