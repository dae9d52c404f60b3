from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.config import WELL, problems_of, written
from tests.support.saml import make_signer
from twisted_hoop.config import check_file, load

SAML = (
    "[[saml]]\nname='partner'\nentity_id='https://idp.example.com/saml'\nsso_url='https://idp.example.com/sso'\n"
    "certificate='idp.pem'\n"
)


def test_what_is_well_is_well() -> None:
    assert problems_of(SAML) == []
    assert problems_of(SAML.replace("https://idp.example.com/sso", "http://127.0.0.1:8000/sso")) == []
    rule = "[[rules]]\nname='theirs'\neffect='deny'\nissuers=['partner', 'https://idp.example.com/saml']\n"
    assert problems_of(SAML + rule) == []


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        (SAML.replace("'partner'", "'Partner'"), "saml.0.name", "pattern"),
        (SAML.replace("'partner'", "'../x'"), "saml.0.name", "pattern"),
        (SAML.replace("'partner'", "'corp'"), "saml.0.name", "an issuer has this name"),
        (SAML.replace("https://idp.example.com/saml", "https://id.example.com"), "saml.0.entity_id", "one's subjects"),
        (SAML.replace("https://idp.example.com/saml", "hoop"), "saml.0.entity_id", "one's subjects"),
        (SAML.replace("https://idp.example.com/saml", "a|b"), "saml.0.entity_id", "no entity id"),
        (SAML.replace("https://idp.example.com/sso", "http://idp.example.com/sso"), "saml.0.sso_url", "https"),
        (SAML.replace("https://idp.example.com/sso", "idp.example.com"), "saml.0.sso_url", "write the address"),
        (
            SAML.replace("https://idp.example.com/sso", "https://idp.example.com/#x"),
            "saml.0.sso_url",
            "write the address",
        ),
        (SAML.replace("https://idp.example.com/sso", "https://[idp"), "saml.0.sso_url", "write the address"),
        (SAML.replace("'idp.pem'", "''"), "saml.0.certificate", "empty"),
        (SAML + "sources=['10.0.0.1/8']\n", "saml.0.sources.0", "host bits"),
        (SAML + "leeway='1h'\n", "saml.0.leeway", "300"),
        (SAML + "[console]\nenabled=false\n", "saml.0", "console"),
        (SAML + SAML.replace("idp.example.com/saml", "idp.example.com/2"), "saml.1.name", "already"),
        (SAML + SAML.replace("'partner'", "'other'"), "saml.1.entity_id", "already"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(text: str, key: str, part: str) -> None:
    """I4, I7: among others, two issuers under one name, and requests in the clear."""
    found = problems_of(text)
    assert len(found) == 1, found
    _, told, what = found[0].split(": ", 2)
    assert told == key and part in what


def test_the_certificate_is_a_file_beside_the_configuration(tmp_path: Path) -> None:
    file = written(tmp_path, WELL + SAML)
    assert load(file).saml[0].certificate == str(tmp_path / "idp.pem")
    assert any("saml.0.certificate" in line and "cannot be read" in line for line in check_file(file))
    (tmp_path / "idp.pem").write_text("x")
    assert any("saml.0.certificate" in line and "no certificate" in line for line in check_file(file))
    make_signer().pem(tmp_path / "idp.pem")
    assert not any("saml" in line for line in check_file(file))
