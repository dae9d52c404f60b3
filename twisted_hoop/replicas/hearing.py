"""What is done with the words of other replicas, and which words are told for what happens here."""

from __future__ import annotations

from collections.abc import Callable

from twisted_hoop.approval.requests import Request
from twisted_hoop.news.word import (
    ACCESS,
    AGENTS,
    APPROVAL,
    CANCEL,
    DRAIN,
    ENDS,
    LOCKS,
    MISSED,
    VISIT,
    INews,
    Word,
)

_UNHEARD = frozenset({"used"})
"""Events of requests that concern nobody elsewhere."""


class Hearing:
    """See the module. Each argument is called with the word's value, if any: who waits for a request, who follows the
    store, who watches events, who cancels, who keeps visits, who follows agents."""

    def __init__(
        self,
        changed: Callable[[str], None],
        look: Callable[[], None],
        nudge: Callable[[], None],
        cancel: Callable[[str], None],
        visit: Callable[[str], None],
        agents: Callable[[], None] = lambda: None,
    ) -> None:
        self._changed, self._look, self._nudge, self._agents = changed, look, nudge, agents
        self._ways: dict[str, Callable[[str], None]] = {
            APPROVAL: self._approval,
            CANCEL: cancel,
            VISIT: visit,
            AGENTS: lambda value: agents(),
            MISSED: lambda value: self._missed(),
            **dict.fromkeys((ACCESS, LOCKS, ENDS, DRAIN), lambda value: look()),
        }

    def heard(self, word: Word) -> None:
        """One word. Those of kinds nobody knows come from a newer version, and are nothing to us."""
        way = self._ways.get(word.kind)
        if way is not None:
            way(word.value)

    def _missed(self) -> None:
        self._look()
        self._agents()

    def _approval(self, ident: str) -> None:
        self._changed(ident)
        self._nudge()


def telling(news: INews) -> Callable[[str, Request], None]:
    """A listener of `approval.told.Told` that tells the other replicas."""

    def tell(event: str, request: Request) -> None:
        if event not in _UNHEARD:
            news.tell(APPROVAL, request.id)
            if request.for_access:
                news.tell(ACCESS)

    return tell
