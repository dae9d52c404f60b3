"""Every reference to a secret that a configuration holds, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twisted_hoop.secrets.secret import problem_with
from twisted_hoop.settings import Settings, TargetSection


@dataclass(frozen=True, slots=True)
class Reference:
    """`key` is its place in the file. `target` is whose it is, where more than a text may come from it."""

    key: str
    text: str
    target: TargetSection | None = None

    @property
    def scheme(self) -> str:
        """What it begins with."""
        return self.text.partition(":")[0]


def references_of(settings: Settings) -> Iterator[Reference]:
    """In the order of the file, as far as it has one."""
    storage = settings.recording.storage
    for name in ("access_key", "secret_key"):
        yield from _given(f"recording.storage.{name}", getattr(storage, name))
    for number, issuer in enumerate(settings.issuers):
        yield from _given(f"issuers.{number}.client_secret", issuer.client_secret)
    for number, target in enumerate(settings.targets):
        if target.secret:
            yield Reference(f"targets.{number}.secret", target.secret, target)
    for number, channel in enumerate(settings.notify):
        yield from _given(f"notify.{number}.secret", channel.secret)
        if not problem_with(channel.url):  # else it is a URL, and no secret
            yield from _given(f"notify.{number}.url", channel.url)


def _given(key: str, text: str) -> Iterator[Reference]:
    if text:
        yield Reference(key, text)
