"""Requests and votes come back from the store as they went in."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.approvals import AGENT_FOR_ALICE, DELETE, REVIEW, Office, session_of
from twisted_hoop.approval import ledger
from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.approval.rows import vote_of, vote_values

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANY_TEXT, ANY_TEXT, st.lists(st.none() | ANY_TEXT, max_size=3), st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_every_command_comes_back_exactly(
    office: Office, text: str, reason: str, parameters: list[str | None], context: list[tuple[str, str]]
) -> None:
    """A3: to the character, NUL and lone surrogates included."""
    command = replace(DELETE, text=text, reason=reason, parameters=tuple(parameters), context=tuple(context))
    request = make_request(session_of(AGENT_FOR_ALICE), command, REVIEW, office.time(), Caps(10**6, 10**6))
    stored = office.database.write_now(lambda c: ledger.file(c, request, Caps(10**6, 10**6))).request
    found = office.database.read_now(lambda c: ledger.fetch(c, stored.id, office.time()))
    assert found == (request if stored.id == request.id else stored)
    assert found is not None and (found.text, found.parameters, found.context) == (
        text,
        tuple(parameters),
        tuple(context),
    )


def test_votes_come_back() -> None:
    vote = Vote("i|bob", "Bob", False, "no \x00\ud800", 5.0)

    class Row:
        def __init__(self, values: dict[str, object]) -> None:
            self.__dict__.update(values)

    assert vote_of(Row(vote_values("id", vote))) == vote  # type: ignore[arg-type]
