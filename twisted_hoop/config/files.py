"""The files a configuration names: relative ones made absolute, and whether they are there and kept from others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from twisted_hoop.file_modes import OTHERS, open_to_others
from twisted_hoop.saml.certificates import load_certificates
from twisted_hoop.settings import SamlSection, Section, Settings

_S = TypeVar("_S", bound=Section)


def absolute(settings: Settings, folder: Path) -> Settings:
    """The settings with relative files taken from the configuration's own folder."""
    recording = _placed(settings.recording, folder, "folder", "key", "wrapping_key")
    storage = _placed(recording.storage, folder, "access_key", "secret_key")
    kubernetes = _placed(settings.secrets.kubernetes, folder, "kubeconfig")
    changes = {
        "secrets": settings.secrets.model_copy(update={"kubernetes": kubernetes}),
        "vault": _placed(settings.vault, folder, "ca", "jwt", "secret_id"),
        "gateway": _placed(settings.gateway, folder, "state"),
        "recording": recording.model_copy(update={"storage": storage}),
        "ssh": _placed(settings.ssh, folder, "host_key", "user_ca", "host_ca", "agent_ca"),
        "own_issuer": settings.own_issuer.model_copy(
            update={"keys": [str(folder / path) for path in settings.own_issuer.keys]}
        ),
        "issuers": [_placed(issuer, folder, "jwks", "ca", "client_secret") for issuer in settings.issuers],
        "tracing": _placed(settings.tracing, folder, "ca", "authorization"),
        "saml": [_placed(provider, folder, "certificate") for provider in settings.saml],
        "listeners": [_placed(listener, folder, "certificate", "key") for listener in settings.listeners],
        "targets": [_placed(target, folder, "ca", "certificate", "key", "secret") for target in settings.targets],
        "notify": [_placed(channel, folder, "ca", "secret", "url") for channel in settings.notify],
    }
    return settings.model_copy(update=changes)


def _placed(section: _S, folder: Path, *names: str) -> _S:
    changes = {name: _place(name, getattr(section, name), folder) for name in names if getattr(section, name)}
    return section.model_copy(update={name: value for name, value in changes.items() if value})


def _place(name: str, value: str, folder: Path) -> str:
    if name in ("secret", "client_secret", "url", "access_key", "secret_key", "jwt", "secret_id", "authorization"):
        scheme, _, path = value.partition(":")
        return f"file:{folder / path}" if scheme == "file" else value
    return value if name == "jwks" and "://" in value else str(folder / value)


def check_files(settings: Settings, file: Path | None = None) -> list[str]:
    """What is wrong with the files the settings name, one line each; reads the disk, so not for the reactor's thread.

    They must be there, and keys and secrets be readable by their owner only (R11). `file` is the configuration itself:
    with `[[accounts]]` in it, it holds verifiers, and must not be readable by everybody.
    """
    problems = [line for key, path in _public(settings) for line in _missing(key, path)]
    problems += [line for key, path in _private(settings) for line in _exposed(key, path)]
    problems += [line for number, provider in enumerate(settings.saml) for line in _unusable(number, provider)]
    problems += _state(Path(settings.gateway.state))
    if file is not None and settings.accounts and file.stat().st_mode & stat.S_IRWXO:
        problems.append(f"accounts: {file} can be read by everybody: chmod o= {file}")
    return problems


def _public(settings: Settings) -> Iterator[tuple[str, str]]:
    vault = settings.vault
    yield "vault.ca", vault.ca
    # Of a pod's own token, mode and owner are the kubelet's.
    yield "vault.jwt", vault.jwt.removeprefix("file:") if vault.auth == "kubernetes" else ""
    for number, issuer in enumerate(settings.issuers):
        yield f"issuers.{number}.ca", issuer.ca
        yield f"issuers.{number}.jwks", "" if "://" in issuer.jwks else issuer.jwks
    for number, provider in enumerate(settings.saml):
        yield f"saml.{number}.certificate", provider.certificate
    for number, listener in enumerate(settings.listeners):
        yield f"listeners.{number}.certificate", listener.certificate
    for number, target in enumerate(settings.targets):
        yield f"targets.{number}.ca", target.ca
        yield f"targets.{number}.certificate", target.certificate
    for number, channel in enumerate(settings.notify):
        yield f"notify.{number}.ca", channel.ca


def _private(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "secrets.kubernetes.kubeconfig", settings.secrets.kubernetes.kubeconfig
    for name in ("secret_id", "jwt") if settings.vault.auth != "kubernetes" else ():
        scheme, _, path = getattr(settings.vault, name).partition(":")
        yield f"vault.{name}", path if scheme == "file" else ""
    scheme, _, path = settings.tracing.authorization.partition(":")
    yield "tracing.authorization", path if scheme == "file" else ""
    yield "recording.key", settings.recording.key
    yield "recording.wrapping_key", settings.recording.wrapping_key
    for name in ("access_key", "secret_key"):
        scheme, _, path = getattr(settings.recording.storage, name).partition(":")
        yield f"recording.storage.{name}", path if scheme == "file" else ""
    for name in ("host_key", "user_ca", "host_ca", "agent_ca"):
        yield f"ssh.{name}", getattr(settings.ssh, name)
    for number, path in enumerate(settings.own_issuer.keys):
        yield f"own_issuer.keys.{number}", path
    for number, issuer in enumerate(settings.issuers):
        scheme, _, path = issuer.client_secret.partition(":")
        yield f"issuers.{number}.client_secret", path if scheme == "file" else ""
    for number, listener in enumerate(settings.listeners):
        yield f"listeners.{number}.key", listener.key
    for number, target in enumerate(settings.targets):
        yield f"targets.{number}.key", target.key
        scheme, _, path = target.secret.partition(":")
        yield f"targets.{number}.secret", path if scheme == "file" else ""
    for number, channel in enumerate(settings.notify):
        for name in ("secret", "url"):
            scheme, _, path = getattr(channel, name).partition(":")
            yield f"notify.{number}.{name}", path if scheme == "file" else ""


def _missing(key: str, path: str) -> Iterator[str]:
    if path and not (Path(path).is_file() and os.access(path, os.R_OK)):
        yield f"{key}: {path} cannot be read: no such file, or not for us"


def _exposed(key: str, path: str) -> Iterator[str]:
    yield from _missing(key, path)
    if path and Path(path).is_file() and open_to_others(Path(path).stat().st_mode, Path(path)):
        yield f"{key}: {path} is open to others: chmod 600 {path}"


def _unusable(number: int, provider: SamlSection) -> Iterator[str]:
    if not list(_missing("", provider.certificate)):
        try:
            load_certificates(Path(provider.certificate))
        except ValueError as error:
            yield f"saml.{number}.certificate: {error}"


def _state(folder: Path) -> Iterator[str]:
    if folder.exists() and not folder.is_dir():
        yield f"gateway.state: {folder} is no folder"
    elif folder.is_dir() and folder.stat().st_mode & OTHERS:
        yield f"gateway.state: {folder} is open to others: chmod 700 {folder}"
