"""`hoop secrets`: whether what a configuration refers to can be had."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option

if TYPE_CHECKING:
    from twisted_hoop.config.references import Reference
    from twisted_hoop.secrets.store import SecretStore
    from twisted_hoop.settings import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def secrets() -> None:
    """Secrets of targets and others, where a configuration says they are. None is ever printed.

    \b
    hoop secrets check /etc/hoop/hoop.toml

    Exit codes: 0 ok, 1 some cannot be had, 2 usage.
    """


@secrets.command("check")
@click.argument("file", type=_FILE)
@json_option
def check(file: Path, as_json: bool) -> None:
    """Follow every reference of FILE, as the gateway would: run it as the gateway's account, in its environment.

    A log-in that Vault makes is made, renewed and given back; a key of this moment is signed. What cannot be had is
    said, and why; what can be had is "ok", and its value stays unseen.

    \b
    hoop secrets check /etc/hoop/hoop.toml
    hoop secrets check hoop.toml --json
    """
    found = _followed(file)
    if as_json:
        from twisted_hoop.cli.output import print_json

        print_json({"ok": all(not why for _, _, why in found), "references": [_named(*each) for each in found]})
    else:
        from twisted_hoop.cli.output import print_table

        print_table(("key", "scheme", "result"), [[key, scheme, why or "ok"] for key, scheme, why in found])
    raise SystemExit(1 if any(why for _, _, why in found) else 0)


def _named(key: str, scheme: str, why: str) -> dict[str, Any]:
    return {"key": key, "scheme": scheme, "ok": not why, "problem": why}


def _followed(file: Path) -> list[tuple[str, str, str]]:
    """(key, scheme, why not) of each reference."""
    import os

    from twisted_hoop.cli.exits import CommandFailed
    from twisted_hoop.config import load
    from twisted_hoop.config.references import references_of
    from twisted_hoop.errors import ConfigurationError

    try:
        settings = load(file)
    except ConfigurationError as fault:
        raise CommandFailed(str(fault)) from fault
    references = list(references_of(settings))
    if not references:
        return []
    return _run(lambda reactor: _follow(reactor, settings, references, dict(os.environ), file.absolute().parent))


def _run(work: Callable[[Any], Coroutine[Any, Any, list[tuple[str, str, str]]]]) -> list[tuple[str, str, str]]:
    """In a reactor, which ends with it."""
    from twisted.internet.defer import Deferred
    from twisted.internet.task import react

    found: list[tuple[str, str, str]] = []

    def main(reactor: Any) -> Any:
        return Deferred.fromCoroutine(work(reactor)).addCallback(found.extend)

    try:
        react(main)
    except SystemExit as ended:
        if ended.code:
            raise
    return found


async def _follow(
    reactor: Any, settings: Settings, references: list[Reference], environ: dict[str, str], root: Path
) -> list[tuple[str, str, str]]:
    from twisted_hoop.secrets.store import SecretStore

    store = SecretStore(reactor, environ, root=root, secrets=settings.secrets, vault=settings.vault)
    found = [(each.key, each.scheme, await why_not(store, each)) for each in references]
    await store.stop()
    return found


async def why_not(store: SecretStore, reference: Reference) -> str:
    """Follow it as the gateway would: "" when that works, else what an operator is told. `hoop doctor` asks as well."""
    from twisted_hoop.errors import HoopError

    try:
        await _tried(store, reference)
    except HoopError as error:
        return str(error)
    return ""


async def _tried(store: SecretStore, reference: Reference) -> None:
    """As the gateway would use it; a log-in that is made is renewed and given back at once."""
    from twisted_hoop.secrets.secret import makes_logins

    target = reference.target
    if reference.scheme == "vault-ssh" and target is not None:
        from twisted_hoop.identity.ssh_private_keys import new_private_key

        line = new_private_key().public.line
        await store.sign_ssh(reference.text, line, target.login or "root", "hoop secrets check")
    elif target is not None and makes_logins(reference.text):
        await store.leases.rehearse(reference.text)
    elif target is not None:
        await store.login(target, "")
    else:
        await store.resolve(reference.text)
