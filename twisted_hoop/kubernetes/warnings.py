"""`Warning` headers, which kubectl prints and client libraries log (RFC 7234, section 5.5, code 299). Pure."""

from __future__ import annotations

from twisted_hoop.http.messages import Headers
from twisted_hoop.model import Approval, ApprovalRequest

_LONGEST = 400


def warning(text: str) -> Headers:
    """One warning. What is no printable ASCII, and what would end the text, is left out."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)[:_LONGEST]
    quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
    return ((b"warning", b'299 - "' + quoted.encode() + b'"'),)


def held_warning(request: ApprovalRequest, approval: Approval | None) -> Headers:
    """What happened to a request that was held and then admitted."""
    by = f", approved by {', '.join(approval.by)}" if approval is not None and approval.by else ""
    comment = f": {approval.comment}" if approval is not None and approval.comment else ""
    return warning(f"hoop: this request was held for approval {request.id}{by}{comment}")
