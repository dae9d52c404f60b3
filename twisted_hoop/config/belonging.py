"""Keys of targets that mean nothing to their protocol, and names that two targets share: somebody believes in them."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_hoop.config.draft import Draft
from twisted_hoop.config.lines import Problem
from twisted_hoop.policy.patterns import is_plain

_WEB = ("http", "kubernetes")
_PROTOCOLS = {
    **dict.fromkeys(("database", "databases", "read_only", "allow_functions"), ("postgres",)),
    **dict.fromkeys(("logins", "login_with", "host_keys", "host_ca", "env", "exec_only"), ("ssh",)),
    **dict.fromkeys(("credential", "header"), _WEB),
    **dict.fromkeys(("impersonate", "impersonate_groups"), ("kubernetes",)),
    **dict.fromkeys(("tls", "ca", "certificate", "key"), ("postgres", *_WEB)),
    "server_name": ("postgres", "ssh", *_WEB),
    "names": ("ssh", *_WEB),
}
"""Key of [[targets]] → protocols that read it; the others are read by all."""


def check_belonging(draft: Draft) -> Iterator[Problem]:
    """Everything of this kind that is wrong with the targets of a file."""
    for number, target in draft.targets:
        for name in sorted(target.model_fields_set & _PROTOCOLS.keys()):
            if target.protocol not in _PROTOCOLS[name]:
                what = f"says nothing to a target of protocol {target.protocol}: remove it"
                yield Problem(("targets", number, name), what)
        if target.impersonate and "{issuer}" not in target.impersonate and len(draft.issuers) + len(draft.saml) > 1:
            what = "makes one user of people of two issuers: write {issuer} in it (I4)"
            yield Problem(("targets", number, "impersonate"), what)
    yield from _shared(draft)


def _shared(draft: Draft) -> Iterator[Problem]:
    """S20: a host name behind `ssh -J` that means two targets means none."""
    ssh = [(number, target) for number, target in draft.targets if target.protocol == "ssh"]
    known = {target.name: target.name for _, target in ssh}
    for number, target in ssh:
        for place, name in enumerate(target.names):
            if not is_plain(name):
                continue
            owner = known.setdefault(name.lower(), target.name)
            if owner != target.name:
                yield Problem(("targets", number, "names", place), f"{name} is a name of target {owner} already")
