"""From claims to a principal: conditions, groups, kind, delegation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import ISSUER
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.claims import ClaimRules, claim_at
from twisted_hoop.model import Actor, Kind, Principal
from twisted_hoop.settings import IssuerSection

NOW = 1_800_000_000.0
GOOD: dict[str, Any] = {"iss": ISSUER, "sub": "alice", "exp": NOW + 60}


def rules(**settings: Any) -> ClaimRules:
    return ClaimRules(
        IssuerSection.model_validate({"name": "corp", "issuer": ISSUER, "audience": ["hoop"], **settings})
    )


def principal(settings: dict[str, Any] | None = None, **claims: Any) -> Principal:
    return rules(**(settings or {})).principal({**GOOD, **claims}, "d1", NOW)


def test_the_whole_principal() -> None:
    settings = {"group_prefix": "corp:", "groups": ["staff"], "max_sessions": 3}
    found = principal(settings, preferred_username="Alice A.", groups=["dev", "ops"])
    assert found == Principal(
        issuer=ISSUER,
        subject="alice",
        name="Alice A.",
        groups=frozenset({"corp:dev", "corp:ops", "staff"}),
        expires=NOW + 60,
        proof_id="d1",
        max_sessions=3,
    )


@pytest.mark.parametrize(
    ("path", "claims", "names"),
    [
        ("groups", {"groups": "a b,c,  d"}, {"a", "b", "c", "d"}),
        ("groups", {"groups": []}, set()),
        ("groups", {"groups": None}, set()),
        ("groups", {}, set()),
        ("", {"groups": ["a"]}, set()),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
        ("realm_access.roles", {"realm_access": "x"}, set()),
        ("https://hoop.example/groups", {"https://hoop.example/groups": ["a"]}, {"a"}),
        ("kubernetes.io.namespace", {"kubernetes.io": {"namespace": "build"}}, {"build"}),
    ],
)
def test_groups(path: str, claims: dict[str, Any], names: set[str]) -> None:
    assert principal({"groups_claim": path}, **claims).groups == names


@pytest.mark.parametrize("groups", [7, {"a": 1}, ["a", 7], [["a"]], ["a", ""], True, ["a\n"], "a\x00", ["\ud800"]])
def test_groups_that_cannot_be_read_refuse_the_token(groups: Any) -> None:
    with pytest.raises(AuthenticationFailed, match="groups"):
        principal(groups=groups)


def test_groups_left_out_for_size_refuse_the_token() -> None:
    """Entra ID's overage: without its groups a token might also be without a prohibition."""
    with pytest.raises(AuthenticationFailed, match="leaves its groups out"):
        principal(_claim_names={"groups": "src1"}, _claim_sources={"src1": {"endpoint": "https://x"}})


@pytest.mark.parametrize(
    ("condition", "claims"),
    [
        ({"repository": "acme/shop"}, {"repository": "acme/shop"}),
        ({"repository": "acme/.*"}, {"repository": "acme/shop"}),
        ({"repository": ["x", "acme/shop"]}, {"repository": "acme/shop"}),
        ({"ref_protected": "true"}, {"ref_protected": True}),
        ({"id": "42"}, {"id": 42}),
        ({"amr": "mfa"}, {"amr": ["pwd", "mfa"]}),
        (
            {"kubernetes.io.serviceaccount.name": "deployer"},
            {"kubernetes.io": {"serviceaccount": {"name": "deployer"}}},
        ),
        ({"a.b": "c"}, {"a.b": "c", "a": {"b": "x"}}),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}),
    ],
)
def test_conditions_that_hold(condition: dict[str, Any], claims: dict[str, Any]) -> None:
    assert principal({"claims": condition}, **claims).subject == "alice"


@pytest.mark.parametrize(
    ("condition", "claims"),
    [
        ({"repository": "acme/shop"}, {}),
        ({"repository": "acme/shop"}, {"repository": None}),
        ({"repository": "acme/shop"}, {"repository": "evil/acme/shop"}),
        ({"repository": "acme/shop"}, {"repository": "acme/shop-evil"}),
        ({"repository": "acme/shop"}, {"repository": "acme/shop\n"}),
        ({"host": "a.b"}, {"host": "axb"}),
        ({"repository": "acme/.*"}, {"repository": "x\nacme/shop"}),
        ({"ref_protected": "true"}, {"ref_protected": False}),
        ({"ref_protected": "true"}, {"ref_protected": {"true": True}}),
        ({"a": "1", "b": "2"}, {"a": "1"}),
        ({"a": []}, {"a": "1"}),
        ({"a": ".*"}, {"a": {"b": 1}}),
        ({"a": ".*"}, {"a": []}),
    ],
)
def test_conditions_that_do_not_hold(condition: dict[str, Any], claims: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationFailed, match="is not what"):
        principal({"claims": condition}, **claims)


def test_a_condition_that_does_not_compile_is_refused_at_load() -> None:
    for pattern in ("(", "a(?=b)", "\ud800("):
        with pytest.raises(ConfigurationError, match="not an RE2 pattern"):
            rules(claims={"sub": pattern})


def test_kind() -> None:
    assert principal().kind is Kind.HUMAN
    assert principal({"kind": "machine"}).kind is Kind.MACHINE
    assert principal({"kind_claim": "what"}, what="machine").kind is Kind.MACHINE
    assert principal({"kind_claim": "what", "kind": "machine"}).kind is Kind.MACHINE
    for value in ("robot", None, True, ["human"]):
        with pytest.raises(AuthenticationFailed, match="neither"):
            principal({"kind_claim": "what"}, what=value)


def test_the_delegation_chain_is_read_from_the_current_actor_on() -> None:
    act = {"sub": "agent-7", "act": {"sub": "ci", "iss": "https://ci.example.org"}}
    found = principal(act=act)
    assert found.chain == (Actor(ISSUER, "agent-7"), Actor("https://ci.example.org", "ci"))
    assert f"{ISSUER}|agent-7" in found.everybody


@pytest.mark.parametrize(
    "act",
    [
        "agent-7",
        [],
        {},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a", "iss": None},
        {"sub": "a", "iss": "x|y"},
        {"sub": "a\n"},
        {"sub": "a", "act": "b"},
        {"sub": "a", "act": {}},
    ],
)
def test_a_malformed_chain_refuses_the_token(act: Any) -> None:
    with pytest.raises(AuthenticationFailed, match="chain"):
        principal(act=act)


def test_the_chain_is_bounded() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"sub": f"a{depth}", **({"act": nested(depth - 1)} if depth > 1 else {})}

    assert len(principal(act=nested(8)).chain) == 8
    with pytest.raises(AuthenticationFailed, match="too long"):
        principal(act=nested(9))


def test_names_are_for_display_only() -> None:
    assert principal(preferred_username="x" * 500).name == "x" * 200
    for name in (7, None, "\x1b[2J", ["a"]):
        assert principal(preferred_username=name).name == ""


def test_a_token_taken_within_the_leeway_lasts_as_long() -> None:
    assert principal(exp=NOW - 5).expires == NOW + 25
    assert principal(exp=NOW + 5).expires == NOW + 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CLAIMS = st.dictionaries(st.sampled_from(["groups", "act", "kind", "preferred_username", "x", "_claim_names"]), JSON)


@given(CLAIMS, st.text())
def test_any_claims_make_a_principal_or_are_refused(claims: dict[str, Any], path: str) -> None:
    try:
        found = principal({"claims": {"x": ".*"}, "kind_claim": "kind", "groups_claim": "groups"}, **claims)
    except AuthenticationFailed:
        return
    assert found.key == f"{ISSUER}|alice"
    claim_at(claims, path)


def test_who_acts_needs_the_rights_where_the_issuer_says_so() -> None:
    """`intersect`: each actor as itself, its groups out of `act`; without it, a chain means what it always did."""
    act = {"sub": "agent-7", "groups": ["ai"], "act": {"iss": "https://other", "sub": "older"}}
    assert principal(act=act).within == ()
    found = principal({"intersect": True, "group_prefix": "x:"}, act=act, groups=["dev"])
    assert [(each.issuer, each.subject, each.groups, each.kind) for each in found.within] == [
        (ISSUER, "agent-7", {"x:ai"}, Kind.MACHINE),
        ("https://other", "older", frozenset(), Kind.MACHINE),
    ]
    assert found.groups == {"x:dev"} and len(found.chain) == 2
    assert principal({"intersect": True}).within == ()
    with pytest.raises(AuthenticationFailed, match="groups"):
        principal({"intersect": True}, act={"sub": "agent-7", "groups": 5})
