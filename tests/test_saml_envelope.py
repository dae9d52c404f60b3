from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.saml import encoded, make_signer, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.envelope import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, unpack


def refused(sent: str) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        unpack(sent)
    return str(caught.value)


def test_what_is_plain_comes_out_as_it_was() -> None:
    xml = make_signer().answer(told())
    assert unpack(encoded(xml)) == xml.encode()
    assert unpack(base64.encodebytes(xml.encode()).decode().replace("\n", "\r\n")) == xml.encode()
    for head in ('<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8' standalone='no' ?>\n"):
        assert unpack(encoded(head + "<r>ü</r>")).endswith("<r>ü</r>".encode())


@pytest.mark.parametrize("sent", ["", "AAA", "A===", "QQ=A", "QUJD!", "QUJD QUJD", "QUJD\x00", "QÜ==", "-_-_"])
def test_base64_is_strict(sent: str) -> None:
    assert "base64" in refused(sent) or "no XML" in refused(sent)


@pytest.mark.parametrize(
    "xml",
    [
        b"<!DOCTYPE r><r/>",
        b"<r><!-- --></r>",
        b"<r><![CDATA[x]]></r>",
        b"<r><?x y?></r>",
        b"<?xml-stylesheet href='x'?><r/>",
        b"<?xml version='1.0' encoding='UTF-16'?><r/>",
        b"<?xml version='1.1'?><r/>",
        b" <?xml version='1.0'?><r/>",
        "<r/>".encode("utf-16"),
        "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>".encode("utf-16-le"),
        "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>".encode("utf-16-be"),
        "<r><!-- --></r>".encode("utf-16-le"),
        "<r><!-- --></r>".encode("utf-16-be"),
        "<r><!-- --></r>".encode("utf-32-le"),
        b"<r>\0</r>",
        b"\xef\xbb\xbf<?xml version='1.0'?><r/>",
        b"<r>\xff</r>",
    ],
)
def test_I6_what_bombs_are_made_of_never_reaches_a_parser(xml: bytes) -> None:
    """I6, I5."""
    assert "I6" in refused(encoded(xml)) or "UTF-8" in refused(encoded(xml))


def test_I6_sizes_are_bounded() -> None:
    """I6: exactly at the caps, and one more."""
    assert unpack(encoded("<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH))
    assert "too deep" in refused(encoded("<x>" * (MAX_DEPTH + 1) + "</x>" * (MAX_DEPTH + 1)))
    assert unpack(encoded(f"<r>{'<x/>' * (MAX_ELEMENTS - 1)}</r>"))
    assert "too many parts" in refused(encoded(f"<r>{'<x/>' * MAX_ELEMENTS}</r>"))
    assert unpack(encoded(f"<r>{'x' * (MAX_BYTES - 7)}</r>"))
    assert "too large" in refused(encoded(f"<r>{'x' * (MAX_BYTES - 6)}</r>"))
    assert "too large" in refused("A" * (2 * MAX_BYTES))


@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(encoded), st.text(alphabet="<>/ax=\"'&;").map(encoded))
)
def test_any_text_is_xml_or_the_error(sent: str) -> None:
    with contextlib.suppress(AuthenticationFailed):
        assert unpack(sent).decode("utf-8")
