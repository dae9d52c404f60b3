"""I1-I4, I8-I10, A1 by way of exchanged tokens: forged, widened, replayed, shown elsewhere, voted with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.api import Answer, Api
from tests.support.approvals import DELETE, REVIEW, Office
from tests.support.exchange import AGENTS, OTHER, URL, Exchanging, ask, ed_key, exchanging_api, form_of, p256_key
from tests.support.loop import Loop
from tests.support.tokens import ISSUER, PEER, make_ring
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.locks import LockKind
from twisted_hoop.identity.own_issuer import OwnIssuer
from twisted_hoop.identity.own_keys import OwnKeys
from twisted_hoop.identity.ssh_certificates import Certificate, certificate_kind
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.model import Effect, Principal, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings
from twisted_hoop.targets import target_of_section

House = tuple[Exchanging, Api]
KEY = new_private_key()


@pytest.fixture
def house(office: Office, loop: Loop, tmp_path: Path) -> Iterator[House]:
    with exchanging_api(office, loop, tmp_path) as both:
        yield both


def made(house: House, *arguments: Any, **more: Any) -> str:
    """The token of an exchange that goes well."""
    answer = ask(house[1], form_of(*arguments, **more))
    assert answer.status == 200, answer.body
    token: str = answer.json["access_token"]
    return token


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(house: House, token: str, peer: Any = PEER) -> str:
    """At the door and at the exchange alike; why, at the door."""
    door, api = house
    assert ask(api, form_of(token)).json["error"] == "invalid_request"
    assert ask(api, form_of(door.person(), token)).json["error"] == "invalid_request"
    with pytest.raises(AuthenticationFailed) as caught:
        door.proved(token, peer)
    return str(caught.value)


def targets_of(settings: Settings) -> dict[str, Target]:
    return {section.name: target_of_section(section) for section in settings.targets}


# -- forged -----------------------------------------------------------------------------------------------------------


def test_i1_no_signature_or_one_with_the_public_key(house: House) -> None:
    """I1: `none`, and HS256 keyed with what is published, in three forms of it."""
    door, api = house
    claims = claims_of(made(house, door.person()))
    key = door.keys.signing
    none = f"{encoded({'alg': 'none', 'kid': key.kid, 'typ': 'JWT'})}.{encoded(claims)}."
    refused(house, none)
    refused(house, none + "x")
    public = key.private.public_key()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        api.ask("GET", "/oauth/keys").body,
    ]
    for secret in forms:
        head = f"{encoded({'alg': 'HS256', 'kid': key.kid, 'typ': 'JWT'})}.{encoded(claims)}"
        mac = hmac.new(secret, head.encode(), hashlib.sha256).digest()
        assert "none of our keys" in refused(house, f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"kid": "OWN"},
        {"kid": "OWN", "jwk": "MINE"},
        {"kid": "OWN", "jku": "https://evil.example/keys"},
        {"kid": "../../issuer.key"},
        {"kid": "OWN", "alg": "ES256"},
        {"kid": "OWN", "crit": ["b64"], "b64": True},
    ],
)
def test_i2_a_key_of_ones_own_under_every_name(house: House, headers: dict[str, Any]) -> None:
    """I2: our key's id, none, a path, the key itself in the header: only the published keys verify."""
    door, _ = house
    claims, mine = claims_of(made(house, door.person())), ed25519.Ed25519PrivateKey.generate()
    named = {k: door.keys.signing.kid if v == "OWN" else v for k, v in headers.items()}
    if "jwk" in named:
        named["jwk"] = jwt.get_algorithm_by_name("EdDSA").to_jwk(mine.public_key(), as_dict=True)
    if named.get("alg") == "ES256":
        token = jwt.encode(claims, p256_key().private, "ES256", named)
    else:
        token = jwt.encode(claims, mine, "EdDSA", named)
    refused(house, token)


def test_i2_changed_claims(house: House) -> None:
    """I2: more targets, other people, a longer life under the old signature."""
    door, _ = house
    head, payload, signature = made(house, door.person(), audience="shop").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    for change in ({"sub": "x"}, {"exp": claims["exp"] + 1}, {"hoop": {**claims["hoop"], "targets": ["bank"]}}):
        refused(house, f"{head}.{encoded({**claims, **change})}.{signature}")


def test_i3_another_issuer_cannot_speak_for_us(house: House) -> None:
    """I3: a trusted issuer that signs `iss` with our name, and a stranger's."""
    door, _ = house
    claims = claims_of(made(house, door.person()))
    refused(house, door.ring.sign(claims))
    refused(house, make_ring(URL).sign(claims))


def test_i3_the_hoop_claim_of_a_foreign_issuer_means_nothing(house: House) -> None:
    """I3: alice of people's issuer says she is bob of agents', for every target, with every group."""
    door, _ = house
    forged = {**claims_of(made(house, door.person()))["hoop"], "iss": AGENTS, "sub": "bob", "groups": ["admins"]}
    who = door.proved(door.person(hoop=forged))
    assert (who.issuer, who.subject, who.groups, who.targets) == (ISSUER, "alice", frozenset({"dev", "dba"}), None)
    assert who.proof == "jwt"


def test_i3_one_for_another_service_opens_nothing_here(house: House) -> None:
    """I3: audience mix-up: it is neither a credential here nor to be exchanged for one."""
    door, _ = house
    assert "audience" in refused(house, made(house, door.person(), audience=OTHER))


def test_i3_one_for_a_target_is_for_no_other_and_for_no_other_service(house: House) -> None:
    """I3: a token for target A at target B, by policy and by exchange; unknown and forbidden are told alike."""
    door, api = house
    token = made(house, door.person(), audience="shop")
    who, rules = door.proved(token), RulePolicy(door.settings)
    opens = {name for name, t in targets_of(door.settings).items() if rules.authorize(who, t).effect is Effect.ALLOW}
    assert opens == {"shop"}
    answers = [ask(api, form_of(token, audience=name)) for name in ("bank", "crm", "nowhere", OTHER)]
    assert {(each.status, each.body) for each in answers} == {(400, answers[0].body)}
    assert answers[0].json["error"] == "invalid_target"
    stranger = [ask(api, form_of(door.person("eve", "none"), audience=name)).body for name in ("bank", "nowhere")]
    assert stranger[0] == stranger[1]


def test_i4_two_alices_are_two(house: House) -> None:
    """I4: others see `issuer|subject`, and a subject with a bar in it is not taken for another's."""
    door, _ = house
    ours, theirs = made(house, door.person("alice")), made(house, door.agent("alice"))
    assert claims_of(ours)["sub"] == f"{ISSUER}|alice" != claims_of(theirs)["sub"]
    assert door.proved(ours).key != door.proved(theirs).key


# -- widened ----------------------------------------------------------------------------------------------------------


def test_i8_an_exchange_of_an_exchange_only_takes_away(house: House) -> None:
    """I8: groups, targets, lifetime, and how often."""
    door, api = house
    token = made(house, door.person(), audience=["shop", "crm"], scope="group:dev", lifetime="120")
    first = claims_of(token)
    again = made(house, token, lifetime="900")
    assert claims_of(again)["exp"] <= first["exp"] and door.proved(again).targets == frozenset({"shop", "crm"})
    assert ask(api, form_of(token, scope="group:dba")).json["error"] == "invalid_scope"
    assert door.proved(made(house, again, audience="crm")).targets == frozenset({"crm"})
    for _ in range(2):
        again = made(house, again)
    assert ask(api, form_of(again)).json["error"] == "invalid_request"


def test_i8_a_short_token_makes_no_long_one(house: House) -> None:
    """I8: neither the person's end nor the agent's is outlived."""
    door, _ = house
    now = int(door.time.now)
    short, long = door.person(exp=now + 40), door.person()
    assert claims_of(made(house, short))["exp"] <= now + 40
    assert claims_of(made(house, long, door.agent(exp=now + 50)))["exp"] <= now + 50


def test_i8_groups_that_are_left_out_evade_nothing(house: House) -> None:
    """I8: a rule that forbids dba holds for a token without it, and so does a lock on the group."""
    door, _ = house
    who = door.proved(made(house, door.person(), scope="group:dev"))
    assert who.groups == frozenset({"dev"})
    assert [each.groups for each in who.within] == [frozenset({"dev", "dba"})]
    door.provider.locks.lock("group", "dba")
    assert not door.provider.still_valid(who)


def test_i8_the_agent_alone_may_not_what_it_does_for_somebody(house: House) -> None:
    """I8, the confused deputy: alice may open bank, the agent may not, so the agent with her token may not either."""
    door, api = house
    rules, bank = RulePolicy(door.settings), targets_of(door.settings)["bank"]
    who = door.proved(made(house, door.person(), door.agent()))
    assert rules.authorize(door.proved(door.person()), bank).effect is Effect.ALLOW
    decision = rules.authorize(who, bank)
    assert decision.effect is Effect.DENY and "agent-7" in decision.reason
    assert ask(api, form_of(door.person(), door.agent(), audience="bank")).json["error"] == "invalid_target"


def test_i8_whose_token_is_the_actors(house: House) -> None:
    """I8: somebody who may not act, a person as actor, a token that acts for a third, subject and actor swapped."""
    door, api = house
    acting = made(house, door.person("bob"), door.agent())
    for subject, actor in (
        (door.person(), door.agent("agent-8", "others")),
        (door.person(), door.person("bob")),
        (door.person(), acting),
        (door.person(), door.person()),
        (door.agent(), door.person()),
        (acting, door.agent()),
    ):
        answer = ask(api, form_of(subject, actor))
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_i8_an_agent_takes_over_no_token_of_another(house: House) -> None:
    """I8: agent-8 steals the token agent-7 acts by: as actor it is none, and as subject agent-7 stays in the chain,
    with its rights, its targets and its end; agent-7 cannot stand there twice, nor can the token be freed of it."""
    door, api = house
    stolen = made(house, door.person(), door.agent(), audience=["shop", "crm"], lifetime="100")
    assert ask(api, form_of(door.person("bob"), stolen)).json["error"] == "invalid_request"
    assert ask(api, form_of(stolen, door.agent())).json["error"] == "invalid_request"
    token = made(house, stolen, door.agent("agent-8", "ai", "dba"), lifetime="900")
    who, first = door.proved(token), door.proved(stolen)
    assert [actor.subject for actor in who.chain] == ["agent-8", "agent-7"] and who.targets == first.targets
    assert who.expires is not None and first.expires is not None and who.expires <= first.expires
    assert {each.subject for each in who.within} == {"agent-7", "agent-8"}
    act = claims_of(token)["act"]
    assert (act["sub"], act["act"]["sub"]) == ("agent-8", "agent-7")
    assert [actor.subject for actor in door.proved(made(house, stolen)).chain] == ["agent-7"]


def test_i8_a_chain_of_ones_own_making(house: House) -> None:
    """I8, A1: the agent's issuer says whom its own agents act for; never for people of another issuer, by `act` or by a
    subject that looks like one. What it says binds only: agent-7's token with alice in `act` is not alice's."""
    door, api = house
    for claims in (
        {"act": {"iss": ISSUER, "sub": "alice"}},
        {"act": {"sub": "x", "act": {"iss": ISSUER, "sub": "alice"}}},
    ):
        who = door.proved(door.agent("agent-7", "ai", **claims))
        assert (who.issuer, who.subject) == (AGENTS, "agent-7") and f"{ISSUER}|alice" in who.everybody
        again = door.proved(made(house, door.agent("agent-7", "ai", **claims)))
        assert (again.key, again.chain) == (who.key, who.chain)
        refused_acting = ask(api, form_of(door.person("bob"), door.agent("agent-7", "ai", **claims)))
        assert refused_acting.json["error"] == "invalid_request", "who acts for somebody is no actor"
    assert door.proved(door.agent(f"{ISSUER}|alice")).key == f"{AGENTS}|{ISSUER}|alice"
    deep: dict[str, Any] = {"sub": "x"}
    for _ in range(7):
        deep = {"sub": "x", "act": deep}
    assert ask(api, form_of(door.person(act=deep), door.agent())).json["error"] == "invalid_request", "nine in a chain"


def test_i3_another_gateway_of_the_same_name(house: House) -> None:
    """I3: one that was set up again, or that somebody else runs under our URL and with our key's id."""
    door, _ = house
    foreign = OwnKeys((replace(ed_key(), kid=door.keys.signing.kid),))
    theirs = OwnIssuer(door.settings.own_issuer, URL, foreign, door.time)
    who = door.proved(door.person())
    token = theirs.issue(who, door.provider._own.terms(who), 100.0).token
    refused(house, token)


def test_i8_a_token_bound_to_a_key_is_not_freed_of_it(house: House) -> None:
    """I8: RFC 7800, RFC 9449: `cnf` says that more is needed than the token. Exchanged, it would not be any more."""
    door, _ = house
    for bound in ({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, {"x5t#S256": "x"}, {}):
        assert "bound to a key" in refused(house, door.person(cnf=bound))
    assert "security event" in refused(house, door.person(events={}))


def test_i8_a_narrowed_actor_acts_within_its_limits(house: House) -> None:
    """I8: what somebody else gave the agent for one target does not open more for its new master."""
    door, api = house
    narrow = made(house, door.agent(), audience="crm")
    assert door.proved(made(house, door.person(), narrow)).targets == frozenset({"crm"})
    assert ask(api, form_of(door.person(), narrow, audience="shop")).json["error"] == "invalid_target"


# -- replayed, expired, locked ---------------------------------------------------------------------------------------


def test_i10_a_one_time_token_is_used_up_by_an_exchange(office: Office, loop: Loop, tmp_path: Path) -> None:
    """I10: and what came of it is used up by one session, wherever it is shown first."""
    with exchanging_api(office, loop, tmp_path, one_time=True) as house:
        door, api = house
        token = door.person()
        first = made(house, token)
        assert ask(api, form_of(token)).json["error"] == "invalid_request"
        assert api.ask("GET", "/v1/whoami", token=token).status == 401
        assert api.ask("GET", "/v1/whoami", token=first).status == 200
        assert api.ask("GET", "/v1/whoami", token=first).status == 401
        assert ask(api, form_of(first)).status == 400


def test_i9_who_is_locked_or_late_exchanges_nothing(house: House) -> None:
    """I9: subject and actor alike, and a token whose time is over."""
    door, api = house
    alice, agent = door.person(), door.agent()
    door.provider.locks.lock("principal", f"{AGENTS}|agent-7")
    assert ask(api, form_of(alice)).status == 200
    assert ask(api, form_of(alice, agent)).status == 400
    door.provider.locks.lock("principal", f"{ISSUER}|alice")
    assert ask(api, form_of(alice)).status == 400
    assert ask(api, form_of(door.person("bob", exp=int(door.time.now) - 60))).status == 400


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("principal", f"{ISSUER}|alice"),
        ("principal", f"{AGENTS}|agent-7"),
        ("group", "dba"),
        ("group", "ai"),
        ("issuer", ISSUER),
        ("issuer", AGENTS),
        ("issuer", URL),
    ],
)
def test_i9_every_lock_holds_for_what_was_exchanged(house: House, kind: LockKind, value: str) -> None:
    """I9: the person, the actor, a group of either (one was left out), the issuer of either, and our own."""
    door, _ = house
    token = made(house, door.person(), door.agent(), scope="group:dev")
    who = door.proved(token)
    door.provider.locks.lock(kind, value)
    assert not door.provider.still_valid(who)
    assert "locked" in refused_at_the_door(door, token)
    door.provider.locks.unlock(kind, value)
    assert door.provider.still_valid(who) and door.proved(token) == who


def refused_at_the_door(door: Exchanging, token: str) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        door.proved(token)
    return str(caught.value)


def test_i9_a_stolen_key_is_withdrawn_with_all_it_signed(house: House) -> None:
    """I9: sessions end as well, not only what is shown again."""
    door, _ = house
    token = made(house, door.person())
    who = door.proved(token)
    door.reload(None, OwnKeys((ed_key(),)))
    assert not door.provider.still_valid(who) and "our keys" in refused_at_the_door(door, token)


# -- as a certificate of SSH ------------------------------------------------------------------------------------------


def certified(house: House, token: str) -> tuple[Certificate, Principal]:
    """A certificate made of the token, and whom a log-in with it proves."""
    door, _ = house
    certificate = door.provider.certify_ssh(door.proved(token), KEY.public)
    return certificate, logged_in(house, certificate)


def logged_in(house: House, certificate: Certificate) -> Principal:
    algorithm, data = certificate_kind(KEY.public.kind), b"the session"
    proved: Any = house[0].provider.authenticate_ssh
    signature = KEY.sign(data, KEY.public.kind)
    who: Principal = house[0].loop.run(lambda: proved(certificate.blob, algorithm, signature, data, PEER))
    return who


def shut_out(house: House, certificate: Certificate, who: Principal) -> None:
    """A session that lives ends, and no other begins."""
    assert not house[0].provider.still_valid(who)
    with pytest.raises(AuthenticationFailed):
        logged_in(house, certificate)


def test_i9_a_certificate_of_an_exchanged_token_evades_no_lock(house: House) -> None:
    """I9: nor is it wider than the token: targets, actor and rights that bound it are the same."""
    door, _ = house
    token = made(house, door.person(), door.agent(), scope="group:dev target:shop")
    certificate, who = certified(house, token)
    shown = door.proved(token)
    assert (who.targets, who.chain, who.within, who.groups) == (shown.targets, shown.chain, shown.within, shown.groups)
    door.provider.locks.lock("issuer", URL)
    shut_out(house, certificate, who)
    door.provider.locks.unlock("issuer", URL)
    assert door.provider.still_valid(who) and logged_in(house, certificate) == who


@pytest.mark.parametrize("change", ["actors", "disabled", "key"])
def test_i9_what_ends_an_exchanged_token_ends_its_certificate(house: House, change: str) -> None:
    """I9: the actor's permission taken back, the issuer switched off, a stolen key removed."""
    door, _ = house
    certificate, who = certified(house, made(house, door.person(), door.agent()))
    mine, me = certified(house, door.person())
    if change == "key":
        door.reload(None, OwnKeys((ed_key(),)))
    else:
        door.reload(door.made(actors=[]) if change == "actors" else door.made(enabled=False))
    shut_out(house, certificate, who)
    assert logged_in(house, mine) == me and door.provider.still_valid(me)  # of the issuer's own token: unchanged


# -- approvals --------------------------------------------------------------------------------------------------------


def vote(api: Api, ident: str, token: str) -> Answer:
    return api.ask("POST", f"/v1/approvals/{ident}/approve", token=token, body={"comment": ""})


def asked_by(api: Api, who: Principal) -> str:
    return api.file(replace(who, expires=None), REVIEW, DELETE)


def test_a1_an_exchange_makes_no_second_person(house: House) -> None:
    """A1: alice asks by an exchanged token, and approves by her own, by another exchanged one, through the agent; and
    the other way round. The agent does not approve either, bob does."""
    door, api = house
    own, exchanged = door.person(), made(house, door.person())
    acting = made(house, door.person(), door.agent())
    for asking in (exchanged, acting, own):
        ident = asked_by(api, door.proved(asking))
        for voting in (own, exchanged, acting, made(house, door.person(), scope="group:dba")):
            unseen = voting == acting and asking != acting  # the agent does not see what the person asked
            assert vote(api, ident, voting).status == (404 if unseen else 403)
    ident = asked_by(api, door.proved(acting))
    agent = door.agents.token("agent-7", groups=["ai", "dba"])
    assert vote(api, ident, agent).status == 403
    bob = door.person("bob", "dba")
    assert vote(api, ident, made(house, bob, door.agent("agent-9", "ai", "dba"))).status == 404, "not in person"
    assert vote(api, ident, made(house, bob, door.agent("agent-9"))).status == 404, "nor seen by the agent"
    assert vote(api, ident, made(house, bob, audience="crm")).status == 403, "a token for a target"
    assert vote(api, ident, bob).status == 200


def test_i8_an_agent_does_not_read_the_inbox_of_whom_it_acts_for(house: House) -> None:
    """I8: requests that only the person may decide show statements of others; the agent's own token shows none."""
    door, api = house
    ident = asked_by(api, door.proved(door.person("carol")))
    alone, acting = door.person("alice"), made(house, door.person("alice"), door.agent())
    assert [each["id"] for each in api.ask("GET", "/v1/approvals", token=alone).json["approvals"]] == [ident]
    assert api.ask("GET", "/v1/approvals", token=acting).json["approvals"] == []
    assert api.ask("GET", f"/v1/approvals/{ident}", token=acting).status == 404
    for what in ("approve", "deny", "end"):
        assert api.ask("POST", f"/v1/approvals/{ident}/{what}", token=acting, body={}).status == 404, what


def test_r11_no_token_is_told_or_logged(house: House) -> None:
    """R11: not in the answer of a refusal, nor the description of what is asked."""
    door, api = house
    token = door.person()
    answer = ask(api, form_of(token, "a.b.c", audience="shop"))
    assert answer.status == 400 and token.encode() not in answer.body and b"a.b.c" not in answer.body


def test_i8_tokens_are_not_taken_in_the_clear(house: House) -> None:
    """I8: from elsewhere through a proxy on this machine that speaks plain HTTP, no more than any other token."""
    door, api = house
    headers = {"X-Forwarded-For": "198.51.100.9"}
    answer = ask(api, form_of(door.person()), **headers)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request") and "TLS" in answer.json[
        "error_description"
    ]
