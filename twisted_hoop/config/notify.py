"""Channels for notices: what each kind needs, and nothing that means nothing to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.network import is_loopback
from twisted_hoop.config.rules import patterns
from twisted_hoop.secrets.secret import problem_with as problem_with_secret
from twisted_hoop.settings import NotifySection

_OWN = {
    "webhook": {"url", "secret", "ca"},
    "slack": {"url", "secret", "ca", "users"},
    "email": {"secret", "ca", "server", "encryption", "login", "sender", "to"},
}
"""Kind → the keys that are not everybody's."""
_NEEDED = {"webhook": ("url", "secret"), "slack": ("url",), "email": ("server", "sender", "to")}


def check_notify(draft: Draft) -> Iterator[Problem]:
    """Everything that is wrong with `[[notify]]` sections that are well formed."""
    for number, channel in draft.notify:
        key: Key = ("notify", number)
        for name in ("approvers", "targets"):
            yield from patterns((*key, name), getattr(channel, name))
        for name in sorted(set().union(*_OWN.values()) - _OWN[channel.kind]):
            if name in channel.model_fields_set:
                yield Problem((*key, name), f"means nothing to {channel.kind}: remove it")
        for name in _NEEDED[channel.kind]:
            if not getattr(channel, name):
                yield Problem((*key, name), f"is missing: {channel.kind} needs it")
        if channel.secret and (why := problem_with_secret(channel.secret)):
            yield Problem((*key, "secret"), why)
        yield from _email(key, channel) if channel.kind == "email" else _posted(key, channel)


def _posted(key: Key, channel: NotifySection) -> Iterator[Problem]:
    if channel.url and problem_with_url(channel.url) and problem_with_secret(channel.url):
        yield Problem((*key, "url"), f"{problem_with_url(channel.url)}, or a secret reference: env:NAME, file:PATH")
    if channel.kind == "slack" and channel.url and problem_with_secret(channel.url):
        # R11: whoever has it may write there.
        what = "an incoming webhook's URL is a secret: write env:NAME, file:PATH or vault:PATH#FIELD"
        yield Problem((*key, "url"), what)
    if channel.users and not channel.secret:
        yield Problem((*key, "secret"), "is missing: nobody may decide by a button whose origin cannot be shown (A9)")
    yield from _twice((*key, "users"), (user.id for user in channel.users))


def _email(key: Key, channel: NotifySection) -> Iterator[Problem]:
    host, colon, port = channel.server.rpartition(":")
    if channel.server and not (colon and host and port.isdigit() and 0 < int(port) < 65536):
        yield Problem((*key, "server"), "write host:port, smtp.example.com:587")
    if channel.encryption == "none" and not is_loopback(host):
        yield Problem((*key, "encryption"), "none is for a server on this machine: commands are not for everybody")
    if channel.login and not channel.secret:
        yield Problem((*key, "secret"), "is missing: the password of login")
    for name, values in (("sender", [channel.sender]), ("to", channel.to)):
        for value in values:
            if value and not _is_address(value):
                yield Problem((*key, name), f"{value!r} is no address: write name@example.com")


def problem_with_url(url: str) -> str:
    """Why notices cannot be posted to a URL; "" when they can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "write a URL, https://hooks.example.com/hoop"
    if not (url.isascii() and url.isprintable() and " " not in url):
        return "write a URL in plain ASCII"
    if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        return "write a URL without user, password and fragment"
    if (parts.scheme == "https" and host) or (parts.scheme == "http" and is_loopback(host)):
        return ""
    return "write https, but for this machine itself: commands are not for everybody on the way"


def _is_address(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    return bool(at and name and domain and text.isascii() and text.isprintable() and not set(' ,;<>"') & set(text))


def _twice(key: Key, values: Iterable[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, value in enumerate(values):
        if value in seen:
            yield Problem((*key, number, "id"), "stands there already")
        seen.add(value)
