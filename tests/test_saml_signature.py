from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.support.saml import EXCLUSIVE, MORE, TAGS, make_signer, told
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.saml.signature import check_signature

DS = f"{{{TAGS['ds']}}}"


def signature(**how: Any) -> Any:
    root = etree.fromstring(make_signer().signed(told().assertion(), **how))
    return root.find(f"{DS}Signature")


def test_what_providers_write_is_well() -> None:
    for how in ({}, {"digest": "sha512"}, {"prefixes": ["xs", "xsi", "#default"][:2]}):
        check_signature(signature(**how), "_assertion-1")
    bare = signature()
    bare.remove(bare.find(f"{DS}KeyInfo"))
    check_signature(bare, "_assertion-1")


def test_I5_it_must_be_of_the_element_it_stands_in() -> None:
    """I5."""
    with pytest.raises(AuthenticationFailed, match="not of the element"):
        check_signature(signature(), "_assertion-2")


@pytest.mark.parametrize(
    "path", ["SignedInfo", "SignatureMethod", "Reference", "Transforms", "Transform", "DigestMethod"]
)
@pytest.mark.parametrize("extra", [f"{DS}Object", f"{DS}Reference", f"{DS}Transform", "{urn:x}y"])
def test_I6_parts_that_are_not_meant_are_refused(path: str, extra: str) -> None:
    """I6: wherever they are put."""
    given = signature()
    etree.SubElement(next(given.iter(f"{DS}{path}")), extra)
    with pytest.raises(AuthenticationFailed):
        check_signature(given, "_assertion-1")


@pytest.mark.parametrize(
    "path",
    [
        "SignedInfo",
        "SignatureMethod",
        "Reference",
        "Transforms",
        "Transform",
        "DigestMethod",
        "DigestValue",
        "CanonicalizationMethod",
        "SignatureValue",
    ],
)
def test_I6_parts_that_are_missing_or_repeated_are_refused(path: str) -> None:
    """I6, I5."""
    for repeated in (False, True):
        given = signature()
        part = next(given.iter(f"{DS}{path}"))
        if repeated:
            part.getparent().append(etree.fromstring(etree.tostring(part)))
        else:
            part.getparent().remove(part)
        with pytest.raises(AuthenticationFailed):
            check_signature(given, "_assertion-1")


@pytest.mark.parametrize(
    "algorithm", ["", "urn:x", f"{MORE}hmac-sha256", f"{TAGS['ds']}rsa-sha1", f"{EXCLUSIVE}WithComments"]
)
@pytest.mark.parametrize("path", ["SignatureMethod", "DigestMethod", "Transform", "CanonicalizationMethod"])
def test_I6_algorithms_are_of_a_list(path: str, algorithm: str) -> None:
    """I6."""
    given = signature()
    next(given.iter(f"{DS}{path}")).set("Algorithm", algorithm)
    with pytest.raises(AuthenticationFailed):
        check_signature(given, "_assertion-1")


def test_I6_prefix_lists_are_short() -> None:
    """I6: each prefix is looked for at every element."""
    check_signature(signature(prefixes=[f"p{n}" for n in range(16)]), "_assertion-1")
    with pytest.raises(AuthenticationFailed, match="too many prefixes"):
        check_signature(signature(prefixes=[f"p{n}" for n in range(17)]), "_assertion-1")
