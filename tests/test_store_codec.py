"""Values survive their columns."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import AGENT_FOR_ALICE
from twisted_hoop.store.codec import bytes_text, dumps, principal_data, text_bytes

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_every_text_comes_back(text: str) -> None:
    assert bytes_text(text_bytes(text)) == text
    encoded = dumps([text])
    assert encoded.isascii() and json.loads(encoded) == [text]


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_are_different_bytes(one: str, other: str) -> None:
    """A3: no two texts are the same bytes, which the digest is made of."""
    assert (text_bytes(one) == text_bytes(other)) == (one == other)


def test_a_principal_keeps_its_chain() -> None:
    data = principal_data(AGENT_FOR_ALICE)
    assert data["subject"] == "alice"
    assert data["chain"] == [{"issuer": AGENT_FOR_ALICE.issuer, "subject": "agent-7"}]
