from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.console.handing import challenge_of, number_of


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.text(max_size=60))
def test_numbers_are_eight_digits(challenge: str) -> None:
    assert re.fullmatch(r"[0-9]{4}-[0-9]{4}", number_of(challenge))
    assert number_of(challenge) == number_of(challenge)


def test_numbers_differ() -> None:
    assert len({number_of(str(n)) for n in range(100)}) == 100
