from __future__ import annotations

import pytest

from tests.support.config import WELL, problems, problems_of
from twisted_hoop.config.network import is_loopback
from twisted_hoop.identity.scram_keys import scram_verifier

ISSUER = "[[issuers]]\nname='b'\nissuer='https://b.example'\naudience=['hoop']\n"
ACCOUNT = "[[accounts]]\nname='bot'\n"
TOKEN = f"token_sha256='{'0' * 64}'\n"
LISTENER = "[[listeners]]\nname='b'\nprotocol='postgres'\n"
TARGET = "[[targets]]\nname='b'\nprotocol='postgres'\n"
COMPLETE = TARGET + "endpoint='tcp:b:5432'\ndatabase='b'\nlogin='b'\n"


def test_what_is_well_is_well() -> None:
    assert problems(WELL) == [] and problems("") == []
    assert problems_of(ISSUER + ACCOUNT + TOKEN + COMPLETE) == []


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        (COMPLETE.replace("'b'", "'shop'", 1), "targets.1.name", "already"),
        (ISSUER.replace("'b'", "'corp'"), "issuers.1.name", "already"),
        (ISSUER.replace("b.example", "id.example.com"), "issuers.1.issuer", "already"),
        ("[[rules]]\nname='read'\neffect='deny'\n", "rules.1.name", "already"),
        (ACCOUNT + TOKEN + ACCOUNT.replace("bot", "b2") + TOKEN, "accounts.1.token_sha256", "already"),
        ("[gateway]\nname='corp'\n", "gateway.name", "issuer"),
        ("[gateway]\nname='https://id.example.com'\n", "gateway.name", "issuer"),
        ("[gateway]\nname=''\n", "gateway.name", "write a name"),
        ("[gateway]\nurl='hoop.example.com'\n", "gateway.url", "URL"),
        ("[console]\nissuer='nobody'\n", "console.issuer", "no issuer"),
        ("[console]\nissuer='corp'\n", "console.issuer", "client_id"),
        ("[console]\nlifetime='5s'\n", "console.lifetime", "60"),
        ("[[retention]]\nname='r'\n", "retention.0.keep", "missing"),
        ("[[retention]]\nname='r'\nkeep='1d'\ntargets=['(']\n", "retention.0.targets.0", "RE2"),
        ("[[retention]]\nname='r'\nkeep='1d'\ntags=['database']\n", "retention.0.tags.0", "attribute and its value"),
        ("[[retention]]\nname='r'\nkeep=0\n[[retention]]\nname='r'\nkeep=0\n", "retention.1.name", "already"),
        ("[recording.storage]\nurl='recordings'\n", "recording.storage.url", "s3://bucket"),
        ("[recording.storage]\nurl='s3://'\n", "recording.storage.url", "s3://bucket"),
        ("[recording.storage]\nendpoint='http://s3.example'\n", "recording.storage.endpoint", "https"),
        ("[recording.storage]\naccess_key='env:A'\n", "recording.storage.secret_key", "both"),
        ("[recording.storage]\naccess_key='AKIA1'\nsecret_key='env:B'\n", "recording.storage.access_key", "env:"),
        ("[recording.storage]\nspool=10\n", "recording.storage.spool", "without a url"),
        (ISSUER.replace("https", "http"), "issuers.1.issuer", "https"),
        (ISSUER + "jwks='http://b.example/keys'\n", "issuers.1.jwks", "https"),
        (ISSUER.replace("https://b.example", "b"), "issuers.1.issuer", "jwks"),
        (ISSUER.replace("'hoop'", "' '"), "issuers.1.audience", "empty"),
        (ISSUER.replace("['hoop']", "[]"), "issuers.1.audience", "at least 1"),
        (ISSUER + "claims={sub='('}\n", "issuers.1.claims.sub.0", "RE2"),
        (ISSUER + "claims={sub=['a', '(?=b)']}\n", "issuers.1.claims.sub.1", "look-around"),
        (ISSUER + "sources=['10.0.0.1/8']\n", "issuers.1.sources.0", "host bits"),
        (ISSUER + "sources=['10.0.0.0/8', 'here']\n", "issuers.1.sources.1", "write 10.0.0.0/8"),
        (ISSUER + "algorithms=[]\n", "issuers.1.algorithms", "at least one"),
        (ISSUER + "algorithms=['HS256']\n", "issuers.1.algorithms.0", "RS256"),
        (ISSUER + "leeway='1h'\n", "issuers.1.leeway", "300"),
        (ISSUER.replace("name='b'", "name='https://id.example.com'"), "issuers.1.name", "another issuer"),
        (ACCOUNT, "accounts.0", "nobody can log in"),
        (ACCOUNT + "scram='SCRAM-SHA-256$4096:salt$stored:server'\n", "accounts.0.scram", "SCRAM|base64|salt"),
        (ACCOUNT + TOKEN + "expires='2027-01-31'\n", "accounts.0.expires", "offset"),
        (ACCOUNT + TOKEN + "expires='2027-01-31T00:00:00'\n", "accounts.0.expires", "offset"),
        (ACCOUNT + TOKEN + "expires='2027-02-31T00:00:00Z'\n", "accounts.0.expires", "offset"),
        (ACCOUNT + TOKEN + "sources=['::/129']\n", "accounts.0.sources.0", "write"),
        (ACCOUNT + "token_sha256='ABC'\n", "accounts.0.token_sha256", "pattern"),
        (LISTENER + "endpoint='tcp:5432'\n", "listeners.1.certificate", "loopback"),
        (LISTENER + "endpoint='tcp:5432:interface=10.0.0.1'\ntls='optional'\n", "listeners.1.certificate", "loopback"),
        (LISTENER + "endpoint='tcp6:5432'\ntls='optional'\n", "listeners.1.certificate", "loopback"),
        (LISTENER + "endpoint='systemd:domain=INET:index=0'\ntls='optional'\n", "listeners.1.certificate", "loopback"),
        (LISTENER + "endpoint='tcp:1:interface=127.0.0.1'\n", "listeners.1.tls", "required"),
        (LISTENER + "endpoint='tcp:5432'\ncertificate='a.pem'\n", "listeners.1.key", "private key"),
        (LISTENER + "endpoint='unix:/x'\ntls='optional'\nkey='a.pem'\n", "listeners.1.certificate", "certificate"),
        (LISTENER + "endpoint='tcp:http'\ntls='optional'\n", "listeners.1.endpoint", "write tcp:5432"),
        (LISTENER + "endpoint='tcp:70000'\n", "listeners.1.endpoint", "65535"),
        (LISTENER + "endpoint='unix:/x'\ntls='optional'\nauth=['key']\n", "listeners.1.auth", "log in"),
        (LISTENER + "endpoint='unix:/x'\ntls='optional'\nissuer='crop'\n", "listeners.1.issuer", '"corp"'),
        (COMPLETE + "secret='hunter2'\n", "targets.1.secret", "env:"),
        (COMPLETE + "secret='vault:a'\n", "targets.1.secret", "vault:PATH#FIELD"),
        (COMPLETE.replace("tcp:b:5432", "tcp:b"), "targets.1.endpoint", "write tcp:db"),
        (COMPLETE.replace("login='b'", "login=''"), "targets.1.login", "role"),
        (COMPLETE.replace("database='b'", "database=''"), "targets.1.database", "name none"),
        (COMPLETE + "databases=['*', 'x']\n", "targets.1.databases", "any"),
        (COMPLETE + "certificate='a'\n", "targets.1.key", "private key"),
        (COMPLETE + "groups=['']\n", "targets.1.groups", "empty"),
        (COMPLETE + "allow_functions=[0]\n", "targets.1.allow_functions.0", "OID"),
        (COMPLETE.replace("name='b'", "name='B/c'"), "targets.1.name", "pattern"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_key(text: str, key: str, part: str) -> None:
    found = problems_of(text)
    assert len(found) == 1, found
    line, told, what = found[0].split(": ", 2)
    assert int(line) > 0 and told == key
    assert any(p in what for p in part.split("|")), what


def test_oauth_without_issuers_tells_clients_nothing() -> None:
    text = LISTENER + "endpoint='unix:/x'\ntls='optional'\nauth=['oauth']\n"
    assert problems(text) == [
        "1: listeners.0.auth: oauth needs [[issuers]]: clients are told where to get a token"
    ] or ("oauth needs [[issuers]]" in problems(text)[0])


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    """R11: what is written into `secret` may be a password; an error must not carry it."""
    assert "hunter2" not in problems_of(COMPLETE + "secret='hunter2'\n")[0]


def test_what_may_be_in_the_clear() -> None:
    for endpoint in ("tcp:1:interface=localhost", r"tcp:1:interface=\\:\\:1", "tcp:1:interface=127.9.9.9", "unix:/x"):
        assert problems_of(LISTENER + f'endpoint="{endpoint}"\ntls="optional"\n') == []
    assert problems_of(ISSUER.replace("https://b.example", "http://127.0.0.1:9000")) == []


def test_accounts_with_a_real_verifier_are_well() -> None:
    assert problems_of(ACCOUNT + f"scram='{scram_verifier('secret')}'\nexpires='2027-01-31T00:00:00+02:00'\n") == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "[::1]", "127.255.0.1", "LOCALHOST"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "localhost.example.com", "128.0.0.1", "127.0.0.1.nip.io"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_broken_address_is_a_problem_and_no_fault() -> None:
    """`[` begins an IPv6 address: what does not end as one is no URL."""
    [problem] = problems(WELL + "[gateway]\nurl = 'https://[hoop'\n")
    assert "gateway.url" in problem
    assert any("issuer" in one for one in problems(WELL.replace("https://id.", "https://[id.")))
