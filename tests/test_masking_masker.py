"""The masks of one target: which of them hold is named in every question."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.settings import MaskSection

KEY = b"k" * 32
CARD = b"4111111111111111"
TEXT, INT8, UUID = 25, 20, 2950


def section(name: str, **more: Any) -> MaskSection:
    return MaskSection(name=name, **more)


MASKS = MaskSet(
    [
        section("column", columns=["x"], strategy="partial"),
        section("strict", columns=["x"], strategy="redact"),
        section("gone", columns=["x"], strategy="null"),
        section("cards", detect=["card"], strategy="partial"),
        section("contacts", detect=["email", "card"], strategy="redact"),
        section("own", patterns=["id-[0-9]+"], strategy="hash"),
        section("inward", detect=["card"], direction="request", action="deny"),
        section("inward-ids", patterns=["id-[0-9]+"], direction="request"),
    ],
    KEY,
)


def names(*wanted: str) -> frozenset[str]:
    return frozenset(wanted)


def test_the_strictest_strategy_of_several_masks_wins() -> None:
    assert MASKS.column_masker("column", TEXT, -1, 0, {})(CARD) == b"************1111"
    assert MASKS.column_masker({"column", "strict"}, TEXT, -1, 0, {}).constant == b"*****"
    assert MASKS.column_masker({"column", "strict", "gone"}, TEXT, -1, 0, {}).null


@pytest.mark.parametrize("strategy", ["partial", "hash", "redact"])
def test_expressions_over_a_masked_column_are_redacted(strategy: str) -> None:
    """M1: what partial or hash would leave of `substr(card, 1, 1)` gives the digit away."""
    masks = MaskSet([section("m", columns=["x"], strategy=strategy)], KEY)
    assert masks.column_masker("m", TEXT, -1, 0, {}, derived=True).constant == b"*****"
    assert masks.column_masker("m", INT8, -1, 0, {}, derived=True).constant == b"0"
    assert MASKS.column_masker("gone", TEXT, -1, 0, {}, derived=True).null


def test_an_unknown_name_redacts() -> None:
    """Fail closed: a mask that is asked for and not there hides all the same."""
    assert MASKS.column_masker({"never heard of"}, TEXT, -1, 0, {}).constant == b"*****"
    assert MASKS.column_masker((), TEXT, -1, 0, {}).constant == b"*****"


def test_detectors_hold_for_the_masks_that_are_named() -> None:
    assert MASKS.detector_for(names("column")) is None
    assert MASKS.detector_for(names("column", "inward")) is None
    detector = MASKS.detector_for(names("cards", "own"))
    assert detector is not None and detector.names == ("card", "pattern-1")
    assert MASKS.detector is not None and set(MASKS.detector.names) == {"card", "email", "pattern-1"}
    assert MaskSet([], KEY).detector is None


def test_two_masks_that_look_for_the_same_hide_by_the_stricter() -> None:
    def shown(*wanted: str) -> bytes:
        content = MASKS.content_masker(names(*wanted), TEXT, 0, {})
        assert content is not None
        return content(b"card " + CARD)

    assert shown("cards") == b"card ************1111"
    assert shown("cards", "contacts") == b"card *****"


def test_patterns_keep_their_own_mask_s_strategy() -> None:
    masks = MaskSet([section("a", patterns=["aaa"], strategy="hash"), section("b", patterns=["bbb"])], KEY)
    content = masks.content_masker(names("a", "b"), TEXT, 0, {})
    assert content is not None
    hashed, redacted = content(b"aaa bbb").split(b" ")
    assert hashed.startswith(b"h_") and redacted == b"*****"


def test_columns_with_nothing_to_find_have_no_masker() -> None:
    assert MASKS.content_masker(names("column"), TEXT, 0, {}) is None
    assert MASKS.content_masker(names("cards"), UUID, 0, {}) is None
    content = MASKS.content_masker(names("cards"), INT8, 1, {})
    assert content is not None and content.reach == "single"
    assert content(struct.pack(">q", int(CARD))) == bytes(8)


def test_request_masks() -> None:
    assert [m.name for m in MASKS.request_masks(names("cards", "inward"))] == ["inward"]
    assert [m.action for m in MASKS.request_masks(MASKS.names)] == ["deny", "mask"]


def test_messages_and_payloads() -> None:
    fields = [(77, b"card " + CARD), (67, b"22000"), (70, b"x.c")]
    assert MASKS.redact_fields(fields, False, names("cards"))[0] == (77, b"card ************1111")
    assert MASKS.redact_fields(fields, True, names("column"))[0] == (77, b"card *****")
    assert MASKS.redact_fields(fields, False, names("column")) == fields
    assert MASKS.redact_text(b"x " + CARD, names("contacts")) == b"x *****"
    assert MASKS.redact_text(CARD, names("column")) == CARD


def test_recordings_are_searched_by_every_mask() -> None:
    """M12: whoever runs the statement, and in both directions."""
    text = "insert into t values ('4111111111111111', 'id-77', 'a@b.example') -- 4111 1111 1111 1111"
    recorded = MASKS.for_recording(text)
    assert "4111" not in recorded and "id-77" not in recorded and "a@b" not in recorded
    assert recorded.startswith("insert into t values ('")
    plain = "select 1"
    assert MASKS.for_recording(plain) is plain
    assert MaskSet([], KEY).for_recording(text) is text
    assert MASKS.for_recording("\ud800") == "\ud800"


def test_recorded_parameters() -> None:
    """M12: in binary form as well."""
    assert MASKS.value_for_recording(INT8, 1, struct.pack(">q", int(CARD))) == "0"
    assert MASKS.value_for_recording(INT8, 1, struct.pack(">q", 42)) == "42"
    assert MASKS.value_for_recording(TEXT, 0, b"to " + CARD) == "to *****"
    assert MASKS.value_for_recording(TEXT, 0, None) is None
    assert MaskSet([], KEY).value_for_recording(17, 1, b"\xff") == "\\xff"


def test_a_wrong_pattern_or_detector_is_refused_at_start() -> None:
    """C8."""
    for wrong in ({"patterns": ["(?=x)"]}, {"detect": ["cards"]}):
        with pytest.raises(ConfigurationError):
            MaskSet([section("m", **wrong)], KEY)


def test_many_combinations_are_not_kept_forever() -> None:
    masks = MaskSet([section(f"m{i}", patterns=[f"x{i}"]) for i in range(9)], KEY)
    for number in range(512):
        chosen = frozenset(f"m{i}" for i in range(9) if number >> i & 1)
        detector = masks.detector_for(chosen)
        assert (0 if detector is None else len(detector.names)) == len(chosen)
