"""What stands on every decision: a digest of the rules it was made by (R13)."""

from __future__ import annotations

import hashlib
import json

from twisted_hoop.settings import Settings


def version_of(settings: Settings) -> str:
    """Sixteen hex digits over everything decisions depend on: rules, masks, and the names issuers go by."""
    parts = {
        "rules": [rule.model_dump(mode="json") for rule in settings.rules],
        "masks": [mask.model_dump(mode="json") for mask in settings.masks],
        "issuers": [
            *([issuer.name, issuer.issuer] for issuer in settings.issuers),
            *([provider.name, provider.entity_id] for provider in settings.saml),
        ],
        "gateway": settings.gateway.name,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
