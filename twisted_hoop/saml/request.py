"""What we send: a request to log somebody in, and the document providers know us by. Built, never parsed.

Sources: SAML Core 2.0, section 3.4.1; SAML Bindings 2.0, section 3.4.4.1 (DEFLATE); SAML Metadata 2.0, section 2.4.4.
"""

from __future__ import annotations

import base64
import urllib.parse
import zlib
from xml.sax.saxutils import quoteattr

from twisted_hoop.saml import names
from twisted_hoop.saml.rules import Expected
from twisted_hoop.saml.times import written

METADATA_TYPE = "application/samlmetadata+xml"


def request_xml(expected: Expected, sso_url: str, persistent: bool, now: float) -> str:
    """An AuthnRequest. `persistent` asks for a NameID that never changes."""
    policy = f"<samlp:NameIDPolicy Format={quoteattr(names.PERSISTENT)} AllowCreate={quoteattr('true')}/>"
    return (
        f"<samlp:AuthnRequest xmlns:samlp={quoteattr(names.PROTOCOL)} xmlns:saml={quoteattr(names.ASSERTION)}"
        f" ID={quoteattr(expected.request)} Version={quoteattr('2.0')} IssueInstant={quoteattr(written(now))}"
        f" Destination={quoteattr(sso_url)} ProtocolBinding={quoteattr(names.POST)}"
        f" AssertionConsumerServiceURL={quoteattr(expected.acs)}>"
        f"<saml:Issuer>{_text(expected.entity_id)}</saml:Issuer>{policy if persistent else ''}</samlp:AuthnRequest>"
    )


def request_url(expected: Expected, sso_url: str, persistent: bool, relay: str, now: float) -> str:
    """Where the browser is sent. `relay` is opaque, at most 80 bytes: nothing in it is an address (I7)."""
    packer = zlib.compressobj(wbits=-15)
    xml = request_xml(expected, sso_url, persistent, now).encode("utf-8")
    packed = base64.b64encode(packer.compress(xml) + packer.flush()).decode("ascii")
    query = urllib.parse.urlencode({"SAMLRequest": packed, "RelayState": relay})
    return f"{sso_url}{'&' if '?' in sso_url else '?'}{query}"


def metadata_xml(entity_id: str, acs: str, persistent: bool) -> str:
    """The EntityDescriptor of this gateway for one provider."""
    formats = f"<md:NameIDFormat>{names.PERSISTENT}</md:NameIDFormat>" if persistent else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<md:EntityDescriptor xmlns:md={quoteattr(names.METADATA)} entityID={quoteattr(entity_id)}>"
        f"<md:SPSSODescriptor protocolSupportEnumeration={quoteattr(names.PROTOCOL)}"
        f" AuthnRequestsSigned={quoteattr('false')} WantAssertionsSigned={quoteattr('true')}>{formats}"
        f"<md:AssertionConsumerService Binding={quoteattr(names.POST)} Location={quoteattr(acs)}"
        f" index={quoteattr('0')} isDefault={quoteattr('true')}/>"
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    )


def _text(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
