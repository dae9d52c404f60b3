"""Which channel is told of what, and the notifier behind each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.approval.requests import Request
from twisted_hoop.interfaces import INotifier, ISecretStore
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import NotifySection


def concerns(section: NotifySection, request: Request) -> bool:
    """Whether the channel is for this request: its target, and a group that may decide it."""
    if section.targets and not Patterns(section.targets).any_of([request.target]):
        return False
    return not section.approvers or Patterns(section.approvers).any_of(sorted(request.approvers))


def make_notifier(section: NotifySection, reactor: Any, secrets: ISecretStore, now: Callable[[], float]) -> INotifier:
    """The notifier of a configured channel."""
    # Imported here: slack_actions needs `concerns`, and notifiers need not know it.
    from twisted_hoop.notify.mail import Mail
    from twisted_hoop.notify.posting import Poster
    from twisted_hoop.notify.slack import Slack
    from twisted_hoop.notify.webhook import Webhook

    if section.kind == "email":
        return Mail(section, secrets, reactor)
    poster = Poster(reactor, section.ca, section.timeout)
    if section.kind == "slack":
        return Slack(section, poster, secrets)
    return Webhook(section, poster, secrets, now)
