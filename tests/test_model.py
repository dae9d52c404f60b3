"""The nouns: identity is issuer and subject, an Admission is the gate's, nothing can be changed."""

from __future__ import annotations

import dataclasses

import pytest

from twisted_hoop import model
from twisted_hoop.model import Actor, Admission, Command, Decision, Effect, Principal

ALICE = Principal("https://issuer.test", "a-1", name="alice", chain=(Actor("https://issuer.test", "agent-7"),))


def test_i4_identity_is_issuer_and_subject() -> None:
    """I4: never a name, never an e-mail."""
    assert ALICE.key == "https://issuer.test|a-1"
    assert dataclasses.replace(ALICE, name="bob").key == ALICE.key
    assert dataclasses.replace(ALICE, issuer="https://other.test").key != ALICE.key


def test_a1_everybody_includes_the_delegation_chain() -> None:
    """A1: the human behind an agent, and the agent, count as one asker."""
    assert ALICE.everybody == {"https://issuer.test|a-1", "https://issuer.test|agent-7"}


def test_labels_are_for_people() -> None:
    assert ALICE.label == "alice via agent-7"
    assert Principal("i", "ci").label == "ci"


def test_only_the_gate_makes_an_admission() -> None:
    command, decision = Command("query", "select 1"), Decision(Effect.ALLOW, "r")
    with pytest.raises(TypeError):
        Admission(object(), command, decision)


def test_values_cannot_be_changed() -> None:
    """Except the Admission, which only the gate and the relay ever see."""
    for name, kind in vars(model).items():
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            assert kind.__dataclass_params__.frozen, name  # type: ignore[attr-defined]
