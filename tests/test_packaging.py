"""What operators install beside the package: a unit for systemd, an account, an image. Read here, run by them."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path

from twisted_hoop.settings import GatewaySection
from twisted_hoop.tap import Options

ROOT = Path(__file__).parent.parent
IMAGE = (ROOT / "docker/Dockerfile").read_text()


def unit() -> configparser.ConfigParser:
    """The unit; of keys that stand there twice, both values."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "etc/hoop.service")
    return parser


def test_the_unit_has_its_sections_and_no_line_systemd_would_not_read() -> None:
    assert unit().sections() == ["Unit", "Service", "Install"]
    for line in (ROOT / "etc/hoop.service").read_text().splitlines():
        assert line == "" or re.match(r"#|\[\w+\]$|[A-Z]\w+=", line), line


def test_the_unit_starts_the_gateway_reloads_it_and_gives_it_time_to_stop() -> None:
    service = unit()["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[0].endswith("/twistd") and words[1:4] == ["-n", "--pidfile=", "hoop"]
    options = Options()
    options.parseOptions(words[4:])
    assert options["config"] == "/etc/hoop/hoop.toml"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert float(service["TimeoutStopSec"]) > GatewaySection().stop_timeout + 5
    assert service["ExecStartPre"].endswith("hoop config check /etc/hoop/hoop.toml")


def test_an_agents_unit_has_the_same_sandbox() -> None:
    """R11: what the gateway's takes away, the agent's does."""
    agent = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    agent.optionxform = str  # type: ignore[assignment,method-assign]
    agent.read(ROOT / "etc/hoop-agent.service")
    gateway, own = unit()["Service"], agent["Service"]
    words = shlex.split(own["ExecStart"])
    assert words[0].endswith("/twistd") and words[1:] == shlex.split(
        "-n --pidfile= hoop-agent --config /etc/hoop/agent.toml"
    )
    other = {"User", "Group", "ExecStart", "ExecStartPre", "ExecReload", "Restart", "StateDirectory"}
    assert {key: own.get(key) for key in gateway if key not in other} == {
        key: gateway[key] for key in gateway if key not in other
    }


def test_the_unit_keeps_state_private_and_the_machine_out_of_reach() -> None:
    """R11."""
    service = unit()["Service"]
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("hoop", "0700")
    assert GatewaySection().state == "/var/lib/hoop"
    assert service["User"] == "hoop" and service["UMask"] == "0077" and service["CapabilityBoundingSet"] == ""
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["ProtectSystem"] == "strict" and service["LimitCORE"] == "0"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_the_account_is_the_units() -> None:
    lines = [line for line in (ROOT / "etc/hoop.sysusers").read_text().splitlines() if not line.startswith("#")]
    assert shlex.split(lines[0])[:2] == ["u", unit()["Service"]["User"]]


def stages() -> dict[str, str]:
    """The image's stages, by name; the last, which has none, as ""."""
    found = re.split(r"^FROM (.+)$", IMAGE, flags=re.M)[1:]
    return {name.partition(" AS ")[2]: body for name, body in zip(found[::2], found[1::2], strict=True)}


def test_the_image_runs_as_nobody_in_particular_and_asks_for_its_health() -> None:
    gateway = stages()["gateway"]
    assert re.search(r"^USER 10001:10001$", gateway, re.M) and "HEALTHCHECK" in gateway and "/healthz" in gateway
    commands = "\n".join(line for line in IMAGE.splitlines() if not line.startswith("#"))
    assert "pip" not in gateway and not re.search(r"(?i)(password|token|secret)\s*=\s*[^\s\"…]", commands)
    assert IMAGE.rstrip().endswith("\nFROM gateway") and stages()[""].strip() == ""


def test_what_the_image_copies_is_in_the_context_and_nothing_else_is() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+)$", IMAGE, re.M) for name in line.split()[:-1]}
    assert "*" in ignored and copied == kept and all((ROOT / name).exists() for name in kept)


def test_the_version_is_in_the_news() -> None:
    from twisted_hoop import __version__

    assert f"\n## {__version__}\n" in (ROOT / "NEWS.md").read_text()
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
