"""`hoop ssh-certificate` and `hoop ssh-config`: what an unmodified OpenSSH client needs to go through the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_USUAL = ("id_ed25519", "id_ecdsa", "id_rsa")
_JUMP = "hoop-gateway"


@click.command("ssh-certificate")
@with_api
@click.argument("key", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--lifetime", type=click.FloatRange(1, 30 * 86400), help="Seconds; never longer than your token lives.")
@click.option("--make", is_flag=True, help="Make the key pair, without a passphrase, when it is not there.")
@json_option
def ssh_certificate(api: Api, key: Path | None, lifetime: float | None, make: bool, as_json: bool) -> None:
    """Get a certificate for the SSH public key KEY (id_ed25519.pub and so on in ~/.ssh), and write it beside it.

    ssh finds KEY-cert.pub by itself, shows it to the gateway, and asks for no password. It ends with your token.

    \b
    hoop ssh-certificate
    hoop ssh-certificate --make ./ci_key.pub --lifetime 900

    Exit codes: 0 ok, 1 refused, 2 usage, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.output import print_json, when

    public = _public(key, make)
    asked: dict[str, Any] = {"public_key": _read(public)}
    if lifetime is not None:
        asked["lifetime"] = lifetime
    given = api.post("/v1/ssh/certificate", asked)
    written = public.with_name(public.name.removesuffix(".pub") + "-cert.pub")
    _write(written, f"{given['certificate']} {given['key_id']}\n".encode(), 0o644)
    if as_json:
        print_json({**given, "file": str(written)})
    else:
        click.echo(f"{written} is valid until {when(given['valid_until'])}", err=True)


@click.command("ssh-config")
@with_api
@click.option("--identity", default="~/.ssh/id_ed25519", show_default=True, help="The private key to log in with.")
@click.option("--known-hosts", is_flag=True, help="Only the lines for known_hosts.")
def ssh_config(api: Api, identity: str, known_hosts: bool) -> None:
    """Print what belongs into ~/.ssh/config and ~/.ssh/known_hosts to reach the SSH targets that are open to you.

    \b
    hoop ssh-config >> ~/.ssh/config
    hoop ssh-config --known-hosts >> ~/.ssh/known_hosts
    ssh web-1

    Exit codes: 0 ok, 1 no SSH target is open to you, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.exits import CommandFailed

    targets = [each for each in api.get("/v1/targets")["targets"] if each["protocol"] == "ssh"]
    places = [place for each in targets for place in each["listeners"]]
    if not places:
        raise CommandFailed("no SSH target is open to you at this gateway")
    lines = _known_hosts(api, targets, places[0]) if known_hosts else _config(targets, places[0], identity)
    for line in lines:
        if not line.isprintable():
            # A line more would be a ProxyCommand that ssh runs here.
            raise CommandFailed("the gateway's answer does not belong into a file of ssh's")
    click.echo("\n".join(lines))


def _known_hosts(api: Api, targets: list[dict[str, Any]], place: dict[str, Any]) -> list[str]:
    keys = api.get("/v1/ssh/authorities")
    host, port = place["host"], place["port"]
    own = host if port == 22 else f"[{host}]:{port}"
    return [f"{own} {keys['gateway']}", f"@cert-authority {','.join(each['name'] for each in targets)} {keys['hosts']}"]


def _config(targets: list[dict[str, Any]], place: dict[str, Any], identity: str) -> list[str]:
    lines = [
        f"Host {_JUMP}",
        f"    HostName {place['host']}",
        f"    Port {place['port']}",
        f"    IdentityFile {identity}",
        "    IdentitiesOnly yes",
    ]
    for each in targets:
        lines += ["", f"Host {each['name']}", f"    ProxyJump {_JUMP}", "    StrictHostKeyChecking yes"]
        lines += [f"    User {each['login']}"] if each["login"] else []
    return lines


def _public(key: Path | None, make: bool) -> Path:
    """The public key's file. A private key may be named as well: its public part stands beside it."""
    if key is None:
        folder = Path.home() / ".ssh"
        found = [folder / f"{name}.pub" for name in _USUAL if (folder / f"{name}.pub").is_file()]
        key = found[0] if found else folder / f"{_USUAL[0]}.pub"
    public = key if key.name.endswith(".pub") else key.with_name(key.name + ".pub")
    if not public.is_file():
        if not make:
            raise click.UsageError(f"there is no {public}: make a key with ssh-keygen, or with --make")
        _make(public)
    return public


def _make(public: Path) -> None:
    from twisted_hoop.identity.ssh_private_keys import new_private_key

    key = new_private_key()
    private = public.with_name(public.name.removesuffix(".pub"))
    if private.exists():
        raise click.UsageError(f"{private} is there, but not its public part: ssh-keygen -y -f {private} > {public}")
    public.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(private, key.openssh(), 0o600)
    _write(public, f"{key.public.line}\n".encode(), 0o644)


def _read(public: Path) -> str:
    """The line of a public key, and nothing else: a private key under its name must not leave this machine (R11)."""
    from twisted_hoop.identity.ssh_keys import parse_line

    try:
        return parse_line(public.read_text("utf-8")).line
    except OSError as fault:
        raise click.UsageError(f"{public} cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise click.UsageError(f"{public} holds no public key that can be certified: {fault}") from fault


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all: ssh may read it at the same time."""
    import os
    import secrets

    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)
    except OSError as fault:
        raise click.UsageError(f"{path} cannot be written: {fault.strerror}") from fault
