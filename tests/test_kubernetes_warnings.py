"""Warnings that clients print."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.warnings import held_warning, warning
from twisted_hoop.model import Approval, ApprovalRequest

HELD = ApprovalRequest("r-7", "https://hoop/r-7", "d", 0.0)


def test_people_are_named() -> None:
    approval = Approval("r-7", True, "granted", "d", ("bob", "carol"), 'only "once"')
    assert held_warning(HELD, approval) == (
        (
            b"warning",
            b'299 - "hoop: this request was held for approval r-7, approved by bob, carol: only \\"once\\""',
        ),
    )
    assert held_warning(HELD, None) == ((b"warning", b'299 - "hoop: this request was held for approval r-7"'),)


@given(st.text())
def test_any_text_is_one_quoted_string(text: str) -> None:
    ((_, value),) = warning(text)
    inner = value[7:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert value.startswith(b'299 - "') and value.endswith(b'"') and b'"' not in inner and b"\\" not in inner
    assert all(32 <= byte < 127 for byte in value)
