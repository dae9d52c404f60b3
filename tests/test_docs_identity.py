"""docs/identity.md: every block loads, and a token of the shape its issuer really makes is accepted by it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop, running_loop
from tests.support.tokens import Door, Time, make_ring, make_settings, write_jwks
from twisted_hoop.config import load
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.model import Kind, Peer, Principal
from twisted_hoop.settings import IssuerSection, Settings

BLOCKS = re.findall(r"^```toml\n(.*?)^```", (Path(__file__).parents[1] / "docs/identity.md").read_text(), re.M | re.S)
NOW = int(time.time())

GITHUB = {
    "jti": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    "sub": "repo:acme/shop:ref:refs/heads/main",
    "aud": "https://hoop.example.com",
    "ref": "refs/heads/main",
    "sha": "9c1d5f7e",
    "repository": "acme/shop",
    "repository_owner": "acme",
    "repository_owner_id": "65",
    "run_id": "30433642",
    "repository_visibility": "private",
    "repository_id": "74",
    "actor_id": "12",
    "actor": "octocat",
    "workflow": "deploy",
    "head_ref": "",
    "base_ref": "",
    "event_name": "push",
    "ref_protected": "true",
    "ref_type": "branch",
    "runner_environment": "github-hosted",
    "iss": "https://token.actions.githubusercontent.com",
    "nbf": NOW - 600,
    "exp": NOW + 300,
    "iat": NOW,
}
GITLAB = {
    "namespace_id": "72",
    "namespace_path": "acme",
    "project_id": "20",
    "project_path": "acme/shop",
    "user_id": "1",
    "user_login": "sidney",
    "user_email": "sidney@example.com",
    "pipeline_id": "574",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_protected": "true",
    "groups_direct": ["acme/ops"],
    "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    "iss": "https://gitlab.example.com",
    "iat": NOW,
    "nbf": NOW - 5,
    "exp": NOW + 3600,
    "sub": "project_path:acme/shop:ref_type:branch:ref:main",
    "aud": "https://hoop.example.com",
}
CLUSTER = {
    "aud": ["hoop"],
    "exp": NOW + 3607,
    "iat": NOW,
    "iss": "https://kubernetes.default.svc.cluster.local",
    "jti": "1f2e3d4c",
    "kubernetes.io": {
        "namespace": "build",
        "node": {"name": "n1", "uid": "646e7c5e"},
        "pod": {"name": "deploy-1", "uid": "5ae5a1b4"},
        "serviceaccount": {"name": "deployer", "uid": "a087d5a0"},
        "warnafter": NOW + 3000,
    },
    "nbf": NOW,
    "sub": "system:serviceaccount:build:deployer",
}
SPIRE = {
    "aud": ["spiffe://example.org/hoop"],
    "exp": NOW + 300,
    "iss": "https://spire.example.org",
    "sub": "spiffe://example.org/ns/build/sa/runner",
}
CORP = {
    "exp": NOW + 300,
    "iat": NOW,
    "auth_time": NOW - 60,
    "jti": "onrtac:1",
    "iss": "https://login.example.com/realms/corp",
    "aud": "hoop",
    "sub": "f81d4fae",
    "typ": "Bearer",
    "azp": "psql",
    "realm_access": {"roles": ["developers", "offline_access"]},
    "scope": "openid email",
    "email_verified": True,
    "preferred_username": "alice",
    "email": "alice@example.com",
}
KEYCLOAK = {
    "iss": "https://keycloak.example.com/realms/shop",
    "aud": "hoop",
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "onrtac:2f1e",
    "sub": "0b8f7a52-2f5e-4f43-9a0e-6f0a1d2c3b4a",
    "typ": "Bearer",
    "azp": "hoop-cli",
    "sid": "8c5d",
    "acr": "1",
    "scope": "openid profile email",
    "groups": ["developers"],
    "preferred_username": "alice",
    "email": "alice@example.com",
}
ENTRA = {
    "aud": "6f2b7c1d-0e4a-4b8c-9d3e-1f2a3b4c5d6e",
    "iss": "https://login.microsoftonline.com/9f1c1e34-5a0b-4d1e-8f6b-2c3d4e5f6a7b/v2.0",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 4000,
    "azp": "1b2c3d4e",
    "azpacr": "0",
    "groups": ["b6a7", "c8d9"],
    "oid": "0f9e",
    "preferred_username": "alice@example.com",
    "sub": "AAAAAAAA_pairwise",
    "tid": "9f1c1e34-5a0b-4d1e-8f6b-2c3d4e5f6a7b",
    "ver": "2.0",
}
AGENTS = {
    "iss": "https://sts.example.com",
    "aud": "hoop",
    "sub": "alice",
    "kind": "human",
    "iat": NOW,
    "exp": NOW + 600,
    "act": {"sub": "agent-7"},
}


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    path = tmp_path_factory.mktemp("docs") / "hoop.toml"
    path.write_text("\n".join(BLOCKS))
    return load(path)


def prove(loop: Loop, folder: Path, section: IssuerSection, claims: dict[str, Any], **headers: Any) -> Principal:
    """A token as the issuer would sign it, at a door configured as documented but for where the keys are."""
    ring = make_ring(section.issuer, "RS256")
    jwks = str(write_jwks(ring, folder / "jwks"))
    door = Door(loop, make_settings(section.model_copy(update={"jwks": jwks})), Time(float(NOW)))
    return door(ring.sign(claims, headers=headers), Peer("10.1.2.3"))


EXPECTED = [
    ("corp", CORP, {}, "alice", {"corp:developers", "corp:offline_access"}),
    ("keycloak", KEYCLOAK, {}, "alice", {"developers"}),
    ("entra", ENTRA, {"x5t": "abc"}, "alice@example.com", {"entra:b6a7", "entra:c8d9"}),
    ("github", GITHUB, {"x5t": "abc"}, "acme/shop", {"ci"}),
    ("gitlab", GITLAB, {}, "acme/shop", {"ci"}),
    ("cluster", CLUSTER, {"typ": None}, "system:serviceaccount:build:deployer", {"namespace:build"}),
    ("spire", SPIRE, {"typ": "JOSE"}, "spiffe://example.org/ns/build/sa/runner", set()),
    ("agents", AGENTS, {"typ": "at+jwt"}, "", set()),
]


@pytest.mark.parametrize(("name", "claims", "headers", "shown", "groups"), EXPECTED, ids=[one[0] for one in EXPECTED])
def test_a_token_of_that_shape_is_accepted(
    loop: Loop, tmp_path: Path, documented: Settings, name: str, claims: Any, headers: Any, shown: str, groups: Any
) -> None:
    section = next(one for one in documented.issuers if one.name == name)
    principal = prove(loop, tmp_path, section, claims, **headers)
    assert (principal.key, principal.name, principal.groups) == (f"{claims['iss']}|{claims['sub']}", shown, groups)
    assert principal.kind is (Kind.HUMAN if name in ("corp", "keycloak", "entra", "agents") else Kind.MACHINE)
    assert [actor.subject for actor in principal.chain] == (["agent-7"] if name == "agents" else [])


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("github", {**GITHUB, "repository": "mallory/shop"}),
        ("github", {**GITHUB, "repository": "acme/shop-fork"}),
        ("github", {**GITHUB, "ref": "refs/pull/7/merge"}),
        ("github", {**GITHUB, "repository_owner_id": "66"}),
        ("github", {**GITHUB, "exp": NOW + 86400}),
        ("gitlab", {**GITLAB, "ref_protected": "false"}),
        ("cluster", {**CLUSTER, "kubernetes.io": {"namespace": "build", "serviceaccount": {"name": "default"}}}),
        ("cluster", {**CLUSTER, "aud": ["https://kubernetes.default.svc"]}),
        ("spire", {**SPIRE, "sub": "spiffe://example.org/ns/other/sa/runner"}),
        ("spire", {**SPIRE, "sub": "spiffe://evil.org/ns/build/sa/runner"}),
        ("spire", {**SPIRE, "exp": NOW + 7200}),
        ("corp", {**CORP, "iss": "https://login.example.com/realms/other"}),
        ("entra", {**ENTRA, "_claim_names": {"groups": "src1"}}),
        ("agents", {**AGENTS, "kind": "ghost"}),
    ],
)
def test_its_neighbours_are_refused(
    loop: Loop, tmp_path: Path, documented: Settings, name: str, claims: dict[str, Any]
) -> None:
    section = next(one for one in documented.issuers if one.name == name)
    with pytest.raises(AuthenticationFailed):
        prove(loop, tmp_path, section, claims)


def test_every_block_is_used(documented: Settings) -> None:
    assert [one.name for one in documented.issuers] == [one[0] for one in EXPECTED]
    assert [one.name for one in documented.accounts] == ["etl", "legacy-report", "backup"]
