"""A Keycloak of its own: the distribution from Maven Central, a realm as docs/identity.md and docs/saml.md say."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import textwrap
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import wait_for
from tests.support.oidc import free_port

VERSION = "26.7.3"
ARTIFACT = "org.keycloak:keycloak-quarkus-dist"
REALM = "corp"
SECRET = "only for a trial"
PEOPLE: Mapping[str, tuple[str, ...]] = {"ann": ("developers",), "bob": ("dba",), "olga": ("operators", "auditors")}
SAML_VARIANTS: Mapping[str, Mapping[str, str]] = {
    "assertion": {"saml.assertion.signature": "true", "saml.server.signature": "false"},
    "response": {"saml.assertion.signature": "false", "saml.server.signature": "true"},
    "both": {"saml.assertion.signature": "true", "saml.server.signature": "true"},
    "unsigned": {"saml.assertion.signature": "false", "saml.server.signature": "false"},
}


@dataclass
class Keycloak:
    """A running one; `url` is its root."""

    folder: Path
    url: str
    home: Path

    @property
    def realm(self) -> str:
        """The issuer, and the entity id."""
        return f"{self.url}/realms/{REALM}"

    def admin(self, *words: str, given: Any = None) -> str:
        """kcadm.sh; what it said. `given` is the JSON it reads."""
        command = [str(self.home / "bin/kcadm.sh"), *words, "--config", str(self.folder / "kcadm.json")]
        command += ["-f", "-"] if given is not None else []
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=180)
        if done.returncode:
            raise AssertionError(f"kcadm.sh {' '.join(words[:3])}: {done.stdout}{done.stderr}")
        return done.stdout

    def get(self, path: str) -> Any:
        """Something of the realm, as the administrator sees it."""
        return json.loads(self.admin("get", path, "-r", REALM))

    def change_client(self, client_id: str, attributes: Mapping[str, str]) -> None:
        """Other attributes for a client."""
        (client,) = self.get(f"clients?clientId={client_id}")
        words = [word for name, value in attributes.items() for word in ("-s", f'attributes."{name}"={value}')]
        self.admin("update", f"clients/{client['id']}", "-r", REALM, *words)

    def certificate(self) -> str:
        """The certificate that signs, as PEM, out of the SAML metadata's own key list."""
        keys = self.get("keys")
        kid = keys["active"]["RS256"]
        der = next(each["certificate"] for each in keys["keys"] if each["kid"] == kid)
        lines = textwrap.wrap(base64.b64encode(base64.b64decode(der)).decode(), 64)
        return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])

    def rotate(self, priority: int) -> str:
        """A new RSA key that signs from now on; the id of the provider of it."""
        realm = self.get("")["id"]
        about = {"priority": [str(priority)], "enabled": ["true"], "active": ["true"], "keySize": ["2048"]}
        about |= {"algorithm": ["RS256"]}
        made = {"name": f"rsa-{priority}", "providerId": "rsa-generated", "parentId": realm, "config": about}
        made |= {"providerType": "org.keycloak.keys.KeyProvider"}
        return self.admin("create", "components", "-r", REALM, "-i", given=made).strip()

    def retire_all_but(self, kept: str) -> None:
        """Take every other RSA signing key away, as at the end of a rotation."""
        for each in self.get("components?type=org.keycloak.keys.KeyProvider"):
            if each["id"] != kept and each["providerId"] == "rsa-generated":
                self.admin("delete", f"components/{each['id']}", "-r", REALM)


@contextlib.contextmanager
def running_keycloak(folder: Path, archive: Path | None) -> Iterator[Keycloak]:
    """Unpack, start and wait; ended with the block. `archive` is the distribution's zip; None asks Maven for it."""
    home = _unpacked(folder, archive or _fetched())
    port, management = free_port(), free_port()
    environ = {**os.environ, "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": SECRET}
    command = [str(home / "bin/kc.sh"), "start-dev", "--http-host=127.0.0.1", f"--http-port={port}"]
    command += [f"--http-management-port={management}", f"--hostname=http://127.0.0.1:{port}"]
    with (folder / "keycloak.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    found = Keycloak(folder, f"http://127.0.0.1:{port}", home)
    try:
        for _ in range(4):  # on a busy machine the first start, which compiles, takes minutes
            with contextlib.suppress(AssertionError):
                wait_for(lambda: _answers(f"{found.url}/realms/master"), "Keycloak", process)
                break
        found.admin(
            "config", "credentials", "--server", found.url, "--realm", "master", "--user", "admin", "--password", SECRET
        )
        yield found
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def realm_of(gateway: str) -> dict[str, Any]:
    """The whole realm: groups, people with the password SECRET, and three clients for the gateway at that URL."""
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "groups": [{"name": name} for names in PEOPLE.values() for name in names],
        "users": [_person(name, groups) for name, groups in PEOPLE.items()],
        "clients": [_console(gateway), _terminals(), *(_saml(gateway, name) for name in SAML_VARIANTS)],
    }


def _person(name: str, groups: tuple[str, ...]) -> dict[str, Any]:
    about = {"firstName": name.title(), "lastName": "Example", "email": f"{name}@example.com", "emailVerified": True}
    password = [{"type": "password", "value": SECRET, "temporary": False}]
    return {
        "username": name,
        "enabled": True,
        "groups": [f"/{each}" for each in groups],
        "credentials": password,
    } | about


def _mapper(name: str, kind: str, config: Mapping[str, str]) -> dict[str, Any]:
    protocol = "saml" if kind.startswith("saml") else "openid-connect"
    return {"name": name, "protocol": protocol, "protocolMapper": kind, "config": dict(config)}


def _groups() -> dict[str, Any]:
    config = {"claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "true"}
    return _mapper("groups", "oidc-group-membership-mapper", config)


def _console(gateway: str) -> dict[str, Any]:
    return {
        "clientId": "hoop-console",
        "secret": SECRET,
        "publicClient": False,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "redirectUris": [f"{gateway}/login/callback"],
        "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": f"{gateway}/login"},
        "protocolMappers": [_groups()],
    }


def _terminals() -> dict[str, Any]:
    """For `hoop login`: a public client with device codes, whose access tokens are for the gateway."""
    config = {"included.custom.audience": "hoop", "access.token.claim": "true", "id.token.claim": "false"}
    audience = _mapper("gateway", "oidc-audience-mapper", config)
    return {
        "clientId": "hoop-cli",
        "publicClient": True,
        "standardFlowEnabled": False,
        "fullScopeAllowed": False,
        "attributes": {"oauth2.device.authorization.grant.enabled": "true"},
        "protocolMappers": [_groups(), audience],
    }


def _saml(gateway: str, name: str) -> dict[str, Any]:
    config = {"attribute.name": "groups", "single": "true", "full.path": "false"}
    groups = _mapper("groups", "saml-group-membership-mapper", config)
    config = {"attribute.name": "displayName", "user.attribute": "username"}
    shown = _mapper("name", "saml-user-property-mapper", config)
    entity, answers = f"{gateway}/saml/{name}/metadata", f"{gateway}/saml/{name}/acs"
    return {
        "clientId": entity,
        "protocol": "saml",
        "frontchannelLogout": False,
        "fullScopeAllowed": False,
        "redirectUris": [answers],
        "adminUrl": answers,
        "attributes": {
            "saml.authnstatement": "true",
            "saml.force.post.binding": "true",
            "saml.client.signature": "false",
            "saml_name_id_format": "persistent",
            "saml_force_name_id_format": "true",
            "saml.signature.algorithm": "RSA_SHA256",
            "saml.encrypt": "false",
            **SAML_VARIANTS[name],
        },
        "protocolMappers": [groups, shown],
    }


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status) == 200
    return False


def _fetched() -> Path:
    """By Maven, into its own cache."""
    name, _, artifact = ARTIFACT.partition(":")
    got = f"-Dartifact={ARTIFACT}:{VERSION}:zip"
    subprocess.run(["mvn", "-q", "dependency:get", got, "-Dtransitive=false"], check=True)
    folder = Path.home() / ".m2/repository" / name.replace(".", "/") / artifact / VERSION
    return folder / f"{artifact}-{VERSION}.zip"


def _unpacked(folder: Path, archive: Path) -> Path:
    if not list(folder.glob("keycloak-*.*.*")):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    (home,) = folder.glob("keycloak-*.*.*")
    for program in (home / "bin").glob("*.sh"):
        program.chmod(0o755)
    return home
