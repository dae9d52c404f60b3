"""Who may vote, and what votes amount to. Pure; the store keeps them apart by person (A2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twisted_hoop.errors import HoopError
from twisted_hoop.model import Kind, Principal

Code = Literal["missing", "forbidden", "decided", "changed"]


class Objection(HoopError):
    """A vote that does not count, and why. `code`: no such request, not this voter, too late, not what was seen."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's word. `key` is the principal key, `name` what people call them, `at` a POSIX time."""

    key: str
    name: str
    granted: bool
    comment: str
    at: float

    @property
    def label(self) -> str:
        """Name and identity, for people and for the recording."""
        return f"{self.name} ({self.key})" if self.name else self.key


def objection(voter: Principal, requesters: frozenset[str], approvers: frozenset[str]) -> str:
    """Why this principal may not vote, or "". `requesters` are the keys of everybody behind the request.

    A1: neither the requester nor anybody in its delegation chain, and nobody through whom the voter acts.
    Approvals are people's: programs, and programs acting for people, cannot give them.
    """
    if voter.everybody & requesters:
        return "nobody approves what they ask for themselves, or through somebody else"
    if voter.chain:
        return "approvals are given in person, not by somebody acting for an approver"
    if not may_see(voter, approvers):
        return "not a member of the groups that may decide this"
    if voter.kind is not Kind.HUMAN:
        return "approvals are given by people, not by programs"
    return ""


def may_see(voter: Principal, approvers: frozenset[str]) -> bool:
    """Whether the principal is, now, in one of the groups that may decide; and so is everyone whose rights bound its.

    I8: in person, or as the program it is. Who acts for an approver sees what it asked for itself, not their inbox.
    """
    return not voter.chain and all(not approvers.isdisjoint(each.groups) for each in (voter, *voter.within))


def enough(votes: tuple[Vote, ...], quorum: int) -> bool:
    """Whether enough distinct people said yes and nobody said no (A2)."""
    return all(vote.granted for vote in votes) and len({vote.key for vote in votes}) >= max(1, quorum)
