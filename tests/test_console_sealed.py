from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.console.sealed import MAX_SEALED, Sealed

KEY = b"k" * 32


def test_what_was_sealed_is_opened_for_a_while() -> None:
    now = [1000.0]
    sealed = Sealed("a", lambda: now[0], KEY)
    text = sealed.seal({"a": [1, None], "b": "ü" * 5000})
    assert len(text) < 500 and sealed.opened(text, 60) == {"a": [1, None], "b": "ü" * 5000}
    now[0] = 1060.0
    assert sealed.opened(text, 60) is not None
    now[0] = 1061.0
    assert sealed.opened(text, 60) is None


def test_only_for_its_purpose_and_by_who_has_the_key() -> None:
    """I7: a code is no cookie, and the other way round; replicas have one key."""
    text = Sealed("a", lambda: 0.0, KEY).seal({"x": 1})
    assert Sealed("a", lambda: 0.0, KEY).opened(text, 60) == {"x": 1}
    for other in (Sealed("b", lambda: 0.0, KEY), Sealed("a", lambda: 0.0, b"o" * 32), Sealed("a", lambda: 0.0)):
        assert other.opened(text, 60) is None


@given(st.text(max_size=200))
def test_any_text_is_nothing(text: str) -> None:
    sealed = Sealed("a", lambda: 0.0, KEY)
    assert sealed.opened(text, 60) is None
    assert sealed.opened("A" * (MAX_SEALED + 1), 60) is None
