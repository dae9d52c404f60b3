from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.support.saml import ACS, ENTITY, NOW, REQUEST, SP, encoded, make_signer, provider_of, told
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.model import Kind, Principal
from twisted_hoop.saml.provider import make_providers
from twisted_hoop.settings import Settings


@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_whoever_the_provider_signs_for_is_proved(sign: str, digest: str) -> None:
    sent = encoded(make_signer().answer(told(), sign, digest=digest))
    proved = provider_of(group_prefix="corp:", groups=["saml"]).proved(sent, REQUEST, NOW)
    principal = proved.principal
    assert (principal.issuer, principal.subject, principal.name) == (ENTITY, "u-4711", "Ann")
    assert principal.groups == {"corp:dba", "corp:staff", "saml"}
    assert (principal.kind, principal.proof, principal.chain) == (Kind.HUMAN, "saml", ())
    assert principal.expires == NOW + 28800 and len(principal.proof_id) == 64
    assert (proved.assertion, proved.until) == ("_assertion-1", NOW + 90)


@pytest.mark.parametrize("kind", ["p256", "p521"])
def test_elliptic_curves_are_known_as_well(kind: str) -> None:
    signer = make_signer(kind)
    provider = provider_of(make_signer(), signer)
    assert provider.proved(encoded(signer.answer(told(), "both")), REQUEST, NOW).principal.subject == "u-4711"


def test_prefixes_that_are_kept_although_nothing_uses_them() -> None:
    """Okta and Shibboleth sign with InclusiveNamespaces: `xs` stands in values of attributes only."""
    sent = encoded(make_signer().answer(told(), "both", prefixes=["xs"]))
    assert "PrefixList" in make_signer().answer(told(), "both", prefixes=["xs"])
    assert provider_of().proved(sent, REQUEST, NOW).principal.name == "Ann"


def test_while_keys_change_both_are_believed_and_later_only_the_new_one() -> None:
    old, new = make_signer(), make_signer("other")
    both, after = provider_of(old, new), provider_of(new)
    by_old = both.proved(encoded(old.answer(told())), REQUEST, NOW).principal
    by_new = both.proved(encoded(new.answer(told())), REQUEST, NOW).principal
    assert both.vouches_for(by_old) and both.vouches_for(by_new)
    assert after.vouches_for(by_new) and not after.vouches_for(by_old)
    with pytest.raises(AuthenticationFailed, match="does not verify"):
        after.proved(encoded(old.answer(told())), REQUEST, NOW)


def test_I9_a_log_in_does_not_outlive_the_settings_it_was_judged_by() -> None:
    before = provider_of()
    principal = before.proved(encoded(make_signer().answer(told())), REQUEST, NOW).principal
    assert provider_of().vouches_for(principal) and provider_of(sso_url="https://idp.example.com/new").vouches_for(
        principal
    )
    assert not provider_of(group_prefix="x:").vouches_for(principal)
    assert not provider_of(groups_attribute="roles").vouches_for(principal)
    assert not provider_of(entity_id="https://other").vouches_for(principal)
    assert not before.vouches_for(Principal(ENTITY, "u-4711", proof="saml"))


def test_an_expired_certificate_proves_nobody() -> None:
    gone = make_signer("gone", days=-1)
    with pytest.raises(AuthenticationFailed, match="expired"):
        provider_of(gone).proved(encoded(gone.answer(told())), REQUEST, NOW)


def test_metadata_and_requests_name_the_same_addresses() -> None:
    provider = provider_of()
    root = etree.fromstring(provider.metadata())
    assert root.get("entityID") == provider.entity_id == SP
    assert root.find(".//{*}AssertionConsumerService").get("Location") == provider.acs == ACS
    assert provider.address("_1", "relay", NOW).startswith("https://idp.example.com/sso?SAMLRequest=")


def test_certificates_are_read_when_settings_come_into_force(tmp_path: Path) -> None:
    section = {"name": "corp", "entity_id": ENTITY, "sso_url": "https://idp/sso"}
    file = make_signer().pem(tmp_path / "idp.pem")
    made = make_providers(Settings.model_validate({"saml": [{**section, "certificate": str(file)}]}))
    assert list(made) == ["corp"] and made["corp"].entity_id == "http://127.0.0.1:8080/saml/corp/metadata"
    with pytest.raises(ConfigurationError, match=r"saml\.0\.certificate: .*cannot be read"):
        make_providers(Settings.model_validate({"saml": [{**section, "certificate": str(tmp_path / "none.pem")}]}))
