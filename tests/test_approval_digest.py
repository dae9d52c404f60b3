"""The digest changes with everything that matters, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import ALICE, BOB, DELETE, REVIEW, session_of
from twisted_hoop.approval.digest import Value, canonical, digest_of
from twisted_hoop.model import Actor

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(st.none() | ANY_TEXT, lambda inner: st.lists(inner, max_size=4))
BASE = digest_of(session_of(), DELETE, REVIEW)


@given(VALUES, VALUES)
def test_the_form_is_one_to_one(one: Value, other: Value) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


@given(st.lists(ANY_TEXT, max_size=3), st.lists(ANY_TEXT, max_size=3))
def test_parameters_cannot_be_shifted_into_each_other(one: list[str], other: list[str]) -> None:
    """A4: ("a", "bc") and ("ab", "c") are different commands."""
    first = digest_of(session_of(), replace(DELETE, parameters=tuple(one)), REVIEW)
    second = digest_of(session_of(), replace(DELETE, parameters=tuple(other)), REVIEW)
    assert (first == second) == (one == other)


@pytest.mark.parametrize(
    "changed",
    [
        replace(DELETE, text="DELETE FROM customers "),
        replace(DELETE, text="delete from customers"),
        replace(DELETE, action="execute"),
        replace(DELETE, parameters=(None,)),
        replace(DELETE, parameters=("",)),
        replace(DELETE, context=(("search_path", "evil, public"),)),
        replace(DELETE, context=()),
        replace(DELETE, facts=({"class": frozenset({"write"}), "table": frozenset({"evil.customers"})},)),
    ],
)
def test_a4_p18_another_command_is_another_digest(changed: Any) -> None:
    """A4, P18, A5: text to the byte, action, parameters, search_path, and what the names meant."""
    assert digest_of(session_of(), changed, REVIEW) != BASE


@pytest.mark.parametrize(
    "changed",
    [
        replace(REVIEW, policy_version="v2"),
        replace(REVIEW, rule="other"),
        replace(REVIEW, quorum=2),
        replace(REVIEW, approvers=frozenset({"dba", "developers"})),
        replace(REVIEW, uses=2),
        replace(REVIEW, valid=1.0),
        replace(REVIEW, wait=0.0),
        replace(REVIEW, masks=frozenset({"cards"})),
    ],
)
def test_a5_other_rules_are_another_digest(changed: Any) -> None:
    """A5: what was approved under one policy is not approved under the next."""
    assert digest_of(session_of(), DELETE, changed) != BASE


def test_a4_another_identity_target_or_database_is_another_digest() -> None:
    """A4: the same person through an agent is not the same either."""
    agent = replace(ALICE, chain=(Actor(ALICE.issuer, "agent-7"),))
    elsewhere = replace(ALICE, issuer="https://other.example")
    others = [session_of(BOB), session_of(agent), session_of(elsewhere), session_of(database="other")]
    target = replace(session_of(), target=replace(session_of().target, name="other"))
    assert len({BASE, *(digest_of(each, DELETE, REVIEW) for each in (*others, target))}) == 6


def test_what_does_not_matter_does_not_change_it() -> None:
    other = session_of(replace(ALICE, name="Alice B.", proof_id="x"), "session-2", application="psql")
    assert digest_of(other, replace(DELETE, reason="please"), replace(REVIEW, wait=10.0)) == BASE
