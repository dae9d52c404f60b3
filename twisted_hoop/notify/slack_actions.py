"""What buttons in Slack say: signed, new, by somebody whom the configuration maps to an identity (A9).

Source: Slack's reference of `block_actions` payloads. The vote goes through the desk like every other: nobody approves
their own, groups decide, the digest is that of what the message showed (A1, A3).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twisted.logger import Logger

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.desk import Desk
from twisted_hoop.errors import AuthenticationFailed, HoopError, NoticeUndelivered, SecretUnavailable
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.model import Principal
from twisted_hoop.notify.channels import concerns
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.signing import TOLERANCE, from_slack, plausible
from twisted_hoop.notify.slack import APPROVE, DENY
from twisted_hoop.notify.webhook import address
from twisted_hoop.settings import NotifySection, Settings, SlackUser
from twisted_hoop.store.once import Once

_REMEMBERED = 60.0  # seconds a signing secret is kept


@dataclass(frozen=True, slots=True)
class Press:
    """One button that was pressed."""

    user: str
    granted: bool
    approval_id: str
    digest: str
    answer_to: str


class SlackActions:
    """See the module. `settings` gives those in force, `locked` says whether a principal is shut out (I9)."""

    _log = Logger()

    def __init__(
        self,
        settings: Callable[[], Settings],
        secrets: ISecretStore,
        desk: Desk,
        once: Once,
        locked: Callable[[Principal], bool],
        now: Callable[[], float],
        poster: Callable[[NotifySection], Poster],
    ) -> None:
        self._settings, self._secrets, self._desk = settings, secrets, desk
        self._once, self._locked, self._now, self._poster = once, locked, now, poster
        self._known: dict[str, tuple[float, str]] = {}

    async def actions(self, timestamp: str, signature: str, body: bytes) -> None:
        """One callback; AuthenticationFailed when it is not Slack's, or not for the first time.

        What the desk objects to is told to who pressed, by Slack's own way back.
        """
        section = await self._sender(timestamp, signature, body)
        if not await self._once.first("slack", signature, self._now() + 2 * TOLERANCE):
            raise AuthenticationFailed("a callback of Slack came a second time (A9)")
        press = parse_press(body)
        if press is None:
            return
        said, over = await self._vote(section, press)
        await self._answer(section, press, said, over)

    async def _sender(self, timestamp: str, signature: str, body: bytes) -> NotifySection:
        # Anybody may call: what cannot be Slack's costs nothing but this look.
        if not plausible(timestamp, signature, self._now()):
            raise AuthenticationFailed("a callback that is none of Slack's, or old (A9)")
        for section in self._settings().notify:
            if section.kind != "slack" or not section.secret:
                continue
            secret = await self._secret(section.secret)
            if from_slack(secret, timestamp, signature, body, self._now()):
                return section
        raise AuthenticationFailed("a callback that no Slack channel of ours signed (A9)")

    async def _secret(self, reference: str) -> str:
        """The secret, asked for once a minute at most, however many call; "", which signs nothing, without one."""
        known = self._known.get(reference)
        if known is not None and 0 <= self._now() - known[0] < _REMEMBERED:
            return known[1]
        try:
            secret = str(await self._secrets.resolve(reference))
        except SecretUnavailable:
            secret = ""
        self._known[reference] = (self._now(), secret)
        return secret

    async def _vote(self, section: NotifySection, press: Press) -> tuple[str, bool]:
        """What is told to people, and whether the buttons are of no use any more."""
        voter = voter_of(section.users, press.user)
        if voter is None or self._locked(voter):
            self._log.warn("a button was pressed by somebody who may not: {user}", user=press.user)
            return "You may not decide here: this gateway does not know you.", False
        try:
            request = await self._desk.show(voter, press.approval_id)
            if not concerns(section, request):
                return "This request is not for this channel.", False
            decided = await self._desk.decide(voter, press.approval_id, press.granted, "in Slack", press.digest)
        except Objection as objection:
            return f"Not counted: {objection}.", objection.code in ("decided", "changed")
        word = "approved" if press.granted else "denied"
        pending = f"; {decided.quorum} approvals are needed" if decided.state.value == "pending" else ""
        return f"{voter.name or voter.subject} {word} the request of {decided.target}{pending}.", not pending

    async def _answer(self, section: NotifySection, press: Press, said: str, over: bool) -> None:
        """Tell it where the button was. Only the server that messages go to is written to, whatever the body says."""
        try:
            home = await address(self._secrets, section.url)
            if not _same_server(home, press.answer_to):
                return
            about = {"replace_original": over, "response_type": "in_channel" if over else "ephemeral", "text": said}
            body = json.dumps(about).encode("ascii")
            await self._poster(section).post(press.answer_to, body, {"Content-Type": "application/json"})
        except (NoticeUndelivered, HoopError) as fault:
            self._log.info("Slack could not be answered: {fault}", fault=str(fault))


def parse_press(body: bytes) -> Press | None:
    """The button in a callback, None for one that is not ours. Never fails, whatever it holds."""
    try:
        form = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)
        payload = json.loads(form["payload"][0])
        (action,) = payload["actions"]
        value = json.loads(action["value"])
        given = (payload["user"]["id"], action["action_id"], value["id"], value["digest"])
        answer_to = payload.get("response_url", "")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    if payload.get("type") != "block_actions" or not all(isinstance(each, str) for each in (*given, answer_to)):
        return None
    user, way, approval_id, digest = given
    # A3: a button without the digest of what was shown decides nothing.
    if way not in (APPROVE, DENY) or not digest:
        return None
    return Press(user, way == APPROVE, approval_id, digest, answer_to)


def voter_of(users: Iterable[SlackUser], user: str) -> Principal | None:
    """The identity the configuration gives to a user of Slack."""
    for known in users:
        if known.id == user:
            return Principal(known.issuer, known.subject, known.name, frozenset(known.groups), proof="slack")
    return None


def _same_server(one: str, other: str) -> bool:
    try:
        return _server(one) == _server(other)
    except ValueError:
        return False


def _server(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
