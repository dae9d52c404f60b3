"""What is done when a session opens and when it is over."""

from __future__ import annotations

from tests.support.approvals import Office
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.gateway.observing import SessionObserving
from twisted_hoop.model import Outcome, Session
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.store.sessions import SessionIndex, SessionRow
from twisted_hoop.testing import make_session


class Kept:
    """What a keeper is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, session: str) -> None:
        self.told.append(f"opened {session}")

    def closed(self, session: str) -> None:
        self.told.append(f"closed {session}")


def test_a_session_is_counted_written_down_and_let_go_of(office: Office, loop: Loop) -> None:
    metrics, kept, over = Metrics(), Kept(), list[Session]()
    index = SessionIndex(office.database, office.time, loop.reactor)
    observe = SessionObserving(metrics, index, kept, over.append)  # type: ignore[arg-type]
    session = make_session()
    loop.run(lambda: observe(session, None, 0))
    assert not over and kept.told == [f"opened {session.id}"]
    loop.run(lambda: observe(session, Outcome("closed"), 3))
    assert over == [session] and kept.told[1:] == [f"closed {session.id}"]

    def closed() -> SessionRow | None:
        row = loop.run(lambda: index.get(session.id))
        return row if row is not None and row.state == "closed" else None

    row = wait_for(closed, "the row, and its end")
    assert row.target == session.target.name and b'outcome="closed"' in metrics.render()
