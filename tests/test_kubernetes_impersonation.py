"""Who the target is told the client is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_house import ISSUER, head_of, kube_dialect, kube_session
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Headers
from twisted_hoop.kubernetes.impersonation import Impersonation, is_system, stripped, user_of, with_impersonation
from twisted_hoop.model import Actor, Principal


def somebody(*groups: str, subject: str = "alice", chain: tuple[Actor, ...] = ()) -> Principal:
    return Principal(ISSUER, subject, "Alice A", groups=frozenset(groups), chain=chain)


def sent(principal: Principal, template: str = "oidc:{subject}", groups: str = ".*") -> Headers:
    return Impersonation(template, [groups]).headers(kube_session(principal))


def values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def test_user_groups_and_extras_are_told() -> None:
    headers = sent(somebody("dev", "ops", chain=(Actor(ISSUER, "agent-7"), Actor(ISSUER, "runner"))))
    assert values(headers, b"impersonate-user") == [b"oidc:alice"]
    assert values(headers, b"impersonate-group") == [b"dev", b"ops"]
    assert values(headers, b"impersonate-extra-hoop-principal") == [b"https://id.example.com|alice"]
    assert values(headers, b"impersonate-extra-hoop-session") == [b"s1"]
    assert values(headers, b"impersonate-extra-hoop-actor") == [
        b"https://id.example.com|agent-7",
        b"https://id.example.com|runner",
    ]
    assert sent(somebody("dev"), "") == (), "not asked for"
    assert user_of("{issuer}#{subject}/{name}", somebody()) == "https://id.example.com#alice/Alice A"


def test_only_groups_that_are_meant_go_with_them() -> None:
    assert values(sent(somebody("k8s-dev", "mail"), groups="k8s-.*"), b"impersonate-group") == [b"k8s-dev"]


@pytest.mark.parametrize(
    "group", ["system:masters", " system:masters", "\tSystem:Masters", "SYSTEM:nodes", "a\r\nb", ""]
)
def test_K2_groups_of_the_cluster_are_never_taken_from_an_issuer(group: str) -> None:
    """K2: servers trim the values of headers, so white space hides nothing."""
    headers = sent(somebody("dev", group))
    assert values(headers, b"impersonate-group") == [b"dev"]


@pytest.mark.parametrize(
    ("template", "subject"),
    [("{subject}", "system:admin"), ("{subject}", " system:admin"), ("system:{subject}", "kube-proxy"),
     ("{subject}", "System:x"), ("{subject}", ""), ("{subject}", "a\nImpersonate-Group: system:masters"),
     ("{subject}", " a"), ("s{subject}", "ystem:masters")],
)  # fmt: skip
def test_K2_nobody_becomes_a_user_of_the_cluster(template: str, subject: str) -> None:
    """K2."""
    with pytest.raises(ProtocolError) as caught:
        sent(somebody(subject=subject), template)
    assert caught.value.code == "403"


_NAMES = (
    "Impersonate-User IMPERSONATE-GROUP impersonate-uid Impersonate-Extra-scopes Impersonate_User X-Remote-User"
    " x-remote-extra-a X_Remote_Group X-Forwarded-For Forwarded X-Hoop-Anything"
)
ODD = _NAMES.split()


@pytest.mark.parametrize("name", ODD)
def test_K2_what_clients_say_about_who_they_are_is_stripped(name: str) -> None:
    """K2: by prefix, in any case, with underscores too."""
    headers = ((name.lower().encode(), b"system:masters"), (b"accept", b"*/*"))
    assert stripped(headers) == ((b"accept", b"*/*"),)
    own = sent(somebody("dev"))
    assert with_impersonation(headers, own) == ((b"accept", b"*/*"), *own), "ours are last"
    assert with_impersonation(headers, ()) == ((b"accept", b"*/*"),)


def test_K1_what_is_sent_is_asserted() -> None:
    """K1: something else among ours stops the request."""
    for own in (((b"x-remote-user", b"a"),), ((b"accept", b"a"),)):
        with pytest.raises(AssertionError):
            with_impersonation((), own)


def test_K2_the_dialect_sends_its_own_and_nothing_of_the_client_s() -> None:
    """K2, through what the engine calls."""
    dialect = kube_dialect(impersonate="{subject}")
    head = head_of("GET /api/v1/pods", impersonate_user="system:admin", impersonate_group="system:masters", a="b")
    out = dialect.outgoing(head, dialect.read(head), kube_session())
    assert values(out.headers, b"impersonate-user") == [b"alice"]
    assert values(out.headers, b"impersonate-group") == [b"developers"] and out.value(b"a") == b"b"
    plain = kube_dialect().outgoing(head, dialect.read(head), kube_session())
    assert not any(b"impersonate" in name for name, _ in plain.headers)


@given(st.text(), st.sets(st.text(max_size=12), max_size=3))
def test_whatever_issuers_say_no_header_is_broken(subject: str, groups: set[str]) -> None:
    try:
        headers = sent(somebody(*groups, subject=subject), "{subject}")
    except (ProtocolError, UnicodeEncodeError):
        return
    for name, value in headers:
        assert value.strip(b" \t\r\n") == value and b"\n" not in value and b"\r" not in value and b"\0" not in value
        assert not (name in (b"impersonate-user", b"impersonate-group") and is_system(value.decode()))
