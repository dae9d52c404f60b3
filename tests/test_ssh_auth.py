"""The ssh-userauth service: one request at a time, every way to prove somebody, and what is told to whom."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.support.ssh_identity import ALICE, forged, rsa_key
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.identity.ssh_wire import string, strings, u32
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import Settings
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.auth import QUESTION, REQUESTS, TRIES, WAITING, UserAuth
from twisted_hoop.ssh.userauth import SERVICE, signed_data
from twisted_hoop.ssh.ways import Login, Ways

PEER = Peer("192.0.2.7", 5000, encrypted=True)
SESSION = b"the session id"
KEY, OTHER, RSA = new_private_key(), new_private_key(), rsa_key()
ALL = frozenset({"certificate", "key", "token", "device"})


class Transport:
    """What the service needs of one."""

    sessionID = SESSION

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.login: Login | None = None
        self.ended: tuple[int, str] | None = None
        self.granted = 0.0
        self.service: UserAuth | None = None

    def sendPacket(self, number: int, payload: bytes) -> None:
        self.sent.append((number, payload))

    def authenticated(self, login: Login) -> None:
        self.login = login
        assert self.service is not None
        self.service.serviceStopped()

    def disconnect(self, code: int, text: str) -> None:
        self.ended = (code, text)

    def more_time(self, seconds: float) -> None:
        self.granted = seconds


class Slow:
    """A door behind which tokens are judged when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Deferred[Principal]]] = []

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        """See IIdentityProvider."""
        answer: Deferred[Principal] = Deferred()
        self.waiting.append((credential, answer))
        return await answer

    def accepts_ssh(self, blob: bytes, algorithm: bytes, peer: Peer) -> bool:
        """See ISshIdentityProvider."""
        return False

    def authenticate_ssh(
        self, blob: bytes, algorithm: bytes, signature: bytes, data: bytes, peer: Peer
    ) -> Awaitable[Principal]:
        """See ISshIdentityProvider."""
        raise AuthenticationFailed("no keys here")


class Device:
    """A login by device code that completes when the test says so."""

    text = "open https://login.example.org/go"
    seconds = 120.0

    def __init__(self) -> None:
        self.answer: Deferred[Principal] = Deferred()
        self.closed = 0

    async def wait(self) -> Principal:
        return await self.answer

    def close(self) -> None:
        self.closed += 1


class Client:
    """A service, and what a client says to it."""

    def __init__(self, identity: Any = None, names: frozenset[str] = ALL, **more: Any) -> None:
        self.identity = identity if identity is not None else provider()
        self.devices: list[Device] = []
        usual = {"device": self._begin, **more}
        self.service = UserAuth(Ways(lambda: self.identity, names, **usual), PEER)
        self.transport = Transport()
        self.transport.service = self.service
        self.service.transport = self.transport
        self.service.serviceStarted()

    async def _begin(self, peer: Peer) -> Device:
        self.devices.append(Device())
        return self.devices[-1]

    def ask(self, method: bytes, content: bytes = b"", user: bytes = b"deploy%web-1", service: bytes = SERVICE) -> Any:
        """One request; what was sent since."""
        return self.say(userauth.REQUEST, strings(user, service, method) + content)

    def say(self, number: int, payload: bytes) -> list[tuple[int, bytes]]:
        before = len(self.transport.sent)
        self.service.packetReceived(number, payload)
        return self.transport.sent[before:]

    def show(self, blob: bytes, algorithm: bytes) -> list[tuple[int, bytes]]:
        return self.ask(b"publickey", b"\0" + strings(algorithm, blob))  # type: ignore[no-any-return]

    def sign(self, key: PrivateKey, blob: bytes = b"", algorithm: bytes = b"", user: bytes = b"deploy%web-1") -> Any:
        plain = key.public.algorithms[0]
        algorithm, blob = algorithm or plain, blob or key.public.blob
        signature = key.sign(signed_data(SESSION, user, SERVICE, algorithm, blob), plain)
        return self.ask(b"publickey", b"\1" + strings(algorithm, blob, signature), user)

    def password(self, text: bytes) -> list[tuple[int, bytes]]:
        return self.ask(b"password", b"\0" + string(text))  # type: ignore[no-any-return]

    @property
    def login(self) -> Login | None:
        return self.transport.login


ACCOUNTS = [{"name": "bot", "ssh_keys": [KEY.public.line, RSA.public.line]}]


def provider() -> IdentityProvider:
    """The real door, with one account that has keys."""
    return IdentityProvider(Settings.model_validate({"accounts": ACCOUNTS}), None)


FAILURE = [(userauth.FAILURE, userauth.failure([b"publickey", b"keyboard-interactive", b"password"]))]


def test_a_key_logs_in() -> None:
    client = Client()
    assert client.ask(b"none") == FAILURE
    assert client.show(KEY.public.blob, b"ssh-ed25519") == [
        (userauth.PK_OK, strings(b"ssh-ed25519", KEY.public.blob)),
    ]
    assert client.sign(KEY) == []
    assert client.login is not None and client.login.principal.key == "hoop|bot"
    assert (client.login.user, client.login.way, client.login.peer) == (b"deploy%web-1", "key", PEER)


def test_rsa_keys_log_in_with_sha_2_only() -> None:
    client = Client()
    assert client.show(RSA.public.blob, b"ssh-rsa") == FAILURE
    assert client.show(RSA.public.blob, b"rsa-sha2-256")[0][0] == userauth.PK_OK
    for algorithm in (b"ssh-rsa", b"rsa-sha2-256"):  # the signature is one of rsa-sha2-512
        assert client.sign(RSA, algorithm=algorithm) == FAILURE
    client.sign(RSA, algorithm=b"rsa-sha2-512")
    assert client.login is not None


def test_nobody_is_asked_to_sign_with_a_key_that_would_not_do() -> None:
    client = Client()
    for blob in (OTHER.public.blob, forged(KEY.public, OTHER).blob, b"junk"):
        assert client.show(blob, b"ssh-ed25519") == FAILURE


def test_S5_who_signed_last_is_who_it_is() -> None:
    """CVE-2024-45337: keys that were only shown, before or in between, are nobody's identity."""
    accounts = [*ACCOUNTS, {"name": "boss", "ssh_keys": [OTHER.public.line]}]
    identity = IdentityProvider(Settings.model_validate({"accounts": accounts}), None)
    client = Client(identity)
    client.show(OTHER.public.blob, b"ssh-ed25519")
    client.show(KEY.public.blob, b"ssh-ed25519")
    client.show(OTHER.public.blob, b"ssh-ed25519")
    assert client.sign(KEY, blob=OTHER.public.blob) == FAILURE
    client.sign(KEY)
    assert client.login is not None and client.login.principal.key == "hoop|bot"


def test_S5_a_signature_is_for_this_session_this_user_and_this_service() -> None:
    for session, user, service in ((b"other", b"u", SERVICE), (SESSION, b"root", SERVICE), (SESSION, b"u", b"x")):
        client = Client()
        signed = signed_data(session, user, service, b"ssh-ed25519", KEY.public.blob)
        content = b"\1" + strings(b"ssh-ed25519", KEY.public.blob, KEY.sign(signed))
        assert client.ask(b"publickey", content, b"u") == FAILURE and client.login is None


def test_a_token_is_a_password() -> None:
    door = Slow()
    client = Client(door)
    assert client.password(b"ey.J.x") == [] and door.waiting[0][0] == "ey.J.x"
    door.waiting[0][1].callback(ALICE)
    assert client.login is not None and (client.login.principal, client.login.way) == (ALICE, "token")


def test_passwords_are_not_changed_here() -> None:
    client = Client(Slow())
    assert client.ask(b"password", b"\1" + strings(b"old", b"new")) == FAILURE


def test_requests_are_worked_on_one_after_another() -> None:
    """RFC 4252, section 5.1."""
    door = Slow()
    client = Client(door)
    for text in (b"one", b"two", b"three"):
        client.password(text)
    assert [text for text, _ in door.waiting] == ["one"] and client.transport.sent == []
    door.waiting[0][1].errback(AuthenticationFailed("no"))
    assert client.transport.sent == FAILURE and [text for text, _ in door.waiting] == ["one", "two"]
    door.waiting[1][1].callback(ALICE)
    assert client.login is not None and len(door.waiting) == 2, "what waited behind the login is not looked at"


def test_S7_six_failures_and_no_more() -> None:
    client = Client()
    client.ask(b"none")
    for _ in range(TRIES - 1):
        assert client.password(b"wrong") == FAILURE
    assert client.transport.ended is None
    assert client.password(b"wrong") == []
    assert client.transport.ended is not None and client.transport.ended[0] == 14
    assert client.sign(KEY) == [] and client.login is None


def test_S7_questions_are_counted_as_well() -> None:
    client = Client()
    for _ in range(REQUESTS):
        assert client.show(KEY.public.blob, b"ssh-ed25519")[0][0] == userauth.PK_OK
    assert client.show(KEY.public.blob, b"ssh-ed25519") == [] and client.transport.ended is not None


def test_S7_requests_do_not_pile_up() -> None:
    client = Client(Slow())
    for _ in range(WAITING + 1):
        client.password(b"x")
    assert client.transport.ended is None
    client.password(b"x")
    assert client.transport.ended is not None


def test_none_is_a_question_once() -> None:
    client = Client()
    for _ in range(TRIES):
        assert client.ask(b"none") == FAILURE
    client.ask(b"none")
    assert client.transport.ended is not None


# -- device codes -----------------------------------------------------------------------------------------------------

DIALOGUE = strings(b"", b"")
BROWSER = ALL - {"token"}
SHOWN = [(userauth.INFO_REQUEST, userauth.info_request(Device.text))]
ASKED = [(userauth.INFO_REQUEST, userauth.info_request("", QUESTION))]
ENTER = u32(1) + strings(b"")
NO_TOKEN = [(userauth.FAILURE, userauth.failure([b"publickey", b"keyboard-interactive"]))]


def dialogue(client: Client) -> list[tuple[int, bytes]]:
    return client.ask(b"keyboard-interactive", DIALOGUE)  # type: ignore[no-any-return]


def test_a_device_code_is_shown_and_completes_by_itself() -> None:
    client = Client(names=BROWSER)
    assert dialogue(client) == SHOWN
    assert client.transport.granted == Device.seconds
    assert client.say(userauth.INFO_RESPONSE, u32(0)) == [] and client.login is None
    client.devices[0].answer.callback(ALICE)
    assert client.login is not None and (client.login.principal, client.login.way) == (ALICE, "device")
    assert client.devices[0].closed


def test_where_tokens_are_taken_one_may_be_given_instead() -> None:
    """asyncssh and OpenSSH answer this with their password before they try the method of that name."""
    door = Slow()
    client = Client(door)
    assert dialogue(client) == ASKED and b"assword" in ASKED[0][1]
    client.say(userauth.INFO_RESPONSE, u32(1) + strings(b"ey.J.x"))
    assert door.waiting[0][0] == "ey.J.x" and client.devices == []
    door.waiting[0][1].callback(ALICE)
    assert client.login is not None and client.login.way == "token"


def test_enter_leads_to_the_browser() -> None:
    client = Client()
    dialogue(client)
    assert client.say(userauth.INFO_RESPONSE, ENTER) == SHOWN
    client.say(userauth.INFO_RESPONSE, u32(0))
    client.devices[0].answer.callback(ALICE)
    assert client.login is not None and client.login.way == "device"


def test_a_wrong_token_is_a_failure_and_may_be_followed_by_the_browser() -> None:
    client = Client()
    dialogue(client)
    assert client.say(userauth.INFO_RESPONSE, u32(1) + strings(b"hoop_wrong")) == FAILURE
    assert dialogue(client) == ASKED
    assert client.say(userauth.INFO_RESPONSE, ENTER) == SHOWN


@pytest.mark.parametrize("answers", [u32(0), u32(2) + strings(b"a", b"b")])
def test_one_answer_is_asked_for(answers: bytes) -> None:
    client = Client()
    dialogue(client)
    assert client.say(userauth.INFO_RESPONSE, answers) == FAILURE and client.devices == []


def test_an_answer_that_comes_late_is_waited_for() -> None:
    client = Client(names=BROWSER)
    dialogue(client)
    client.devices[0].answer.callback(ALICE)
    assert client.login is None
    client.say(userauth.INFO_RESPONSE, u32(1) + strings(b"whatever"))
    assert client.login is not None


def test_a_code_is_shown_once() -> None:
    client = Client(names=BROWSER)
    dialogue(client)
    client.say(userauth.INFO_RESPONSE, u32(0))
    client.devices[0].answer.errback(AuthenticationFailed("nobody came"))
    assert client.transport.sent[-1:] == NO_TOKEN
    assert dialogue(client) == NO_TOKEN and len(client.devices) == 1


@pytest.mark.parametrize("names", [ALL, BROWSER])
def test_another_request_takes_its_place(names: frozenset[str]) -> None:
    """RFC 4256, section 3.1: the dialogue is abandoned, and not answered."""
    client = Client(names=names)
    dialogue(client)
    assert client.sign(KEY) == []
    assert client.login is not None and client.login.way == "key"
    assert all(device.closed and device.answer.called for device in client.devices)


def test_a_client_that_does_not_wait_for_the_code() -> None:
    begun: Deferred[Device] = Deferred()

    async def begin(peer: Peer) -> Device:
        return await begun

    client = Client(names=BROWSER, device=begin)
    dialogue(client)
    client.sign(KEY)
    device = Device()
    begun.callback(device)
    assert device.closed and client.login is not None and client.login.way == "key"


def test_a_connection_that_goes_takes_it_along() -> None:
    client = Client(names=BROWSER)
    dialogue(client)
    client.service.serviceStopped()
    assert client.devices[0].closed and client.devices[0].answer.called and client.login is None
    client.service.serviceStopped()


@pytest.mark.parametrize("answer", [b"", u32(1), u32(0) + b"x", u32(2**32 - 1)])
def test_an_answer_that_is_none_ends_the_connection(answer: bytes) -> None:
    client = Client(names=BROWSER)
    dialogue(client)
    client.say(userauth.INFO_RESPONSE, answer)
    assert client.transport.ended is not None and client.transport.ended[0] == 2 and client.devices[0].closed


# -- behind a jump ----------------------------------------------------------------------------------------------------

OUTER = Login(ALICE, b"alice", "certificate", PEER)


def test_none_is_enough_while_the_connection_around_lives() -> None:
    alive: list[Login | None] = [OUTER]
    client = Client(outer=lambda: alive[0])
    assert client.ask(b"none", user=b"deploy") == []
    assert client.login == Login(ALICE, b"deploy", "none", PEER)
    alive[0] = None
    assert Client(outer=lambda: alive[0]).ask(b"none") == FAILURE


def test_I8_inside_nobody_becomes_somebody_else() -> None:
    """A client that insists on a key must prove who the connection around is."""
    client = Client(outer=lambda: OUTER)
    assert client.sign(KEY) == FAILURE
    bot = Login(Principal("hoop", "bot"), b"x", "key", PEER)
    same = Client(outer=lambda: bot)
    same.sign(KEY)
    assert same.login is not None and same.login.way == "key"


# -- what a listener does not offer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", sorted(ALL))
def test_I8_what_is_not_offered_is_not_taken(way: str) -> None:
    client = Client(names=ALL - {way})
    certificate = forged(KEY.public)
    sent = {
        "key": lambda: (client.show(KEY.public.blob, b"ssh-ed25519"), client.sign(KEY))[1],
        "certificate": lambda: client.sign(KEY, certificate.blob, certificate.kind),
        "token": lambda: client.password(b"ey.J.x"),
        "device": lambda: client.ask(b"keyboard-interactive", DIALOGUE),
    }[way]()
    assert sent[-1][0] == userauth.FAILURE and client.login is None and client.devices == []


def test_the_banner_comes_first() -> None:
    client = Client(banner="Authorised use only.\nBye.")
    assert client.transport.sent == [(userauth.BANNER, strings(b"Authorised use only.\r\nBye.\r\n", b""))]


def test_services_that_do_not_exist_end_the_connection() -> None:
    client = Client()
    client.ask(b"none", service=b"ssh-evil\x1b")
    assert client.transport.ended is not None and client.transport.ended[0] == 7
    assert "\x1b" not in client.transport.ended[1]


@pytest.mark.parametrize("number", [51, 52, 53, 60, 61, 79])
def test_S4_messages_that_are_not_the_clients_end_the_connection(number: int) -> None:
    client = Client()
    client.say(number, u32(0))
    assert client.transport.ended is not None and client.transport.ended[0] == 2


@pytest.mark.parametrize("user", [b"", b"\xff\xfe%web-1", b"a\x1b[2J%x", b"a\nb", b"x" * 100_000, b"%%%"], ids=range(6))
def test_S19_any_bytes_may_be_a_user_name(user: bytes) -> None:
    """Who somebody is does not depend on it; it reaches those who read it as it is, and no log."""
    client = Client()
    client.sign(KEY, user=user)
    assert client.login is not None and client.login.user == user and client.login.principal.key == "hoop|bot"


def test_R15_a_fault_is_a_failure_and_no_more() -> None:
    class Broken(Slow):
        async def authenticate(self, credential: str, peer: Peer) -> Principal:
            """See IIdentityProvider."""
            raise ZeroDivisionError

    client = Client(Broken())
    assert client.password(b"x") == FAILURE and client.login is None


def test_clients_are_not_told_why() -> None:
    client = Client()
    told = {tuple(client.password(text)) for text in (b"hoop_x", b"a.b.c")} | {tuple(client.sign(OTHER))}
    assert told == {tuple(FAILURE)}


@given(st.lists(st.tuples(st.sampled_from([50, 50, 50, 61, 60, 53]), st.binary(max_size=60)), max_size=12))
def test_whatever_is_said_nobody_gets_in_and_nothing_is_raised(said: list[tuple[int, bytes]]) -> None:
    client = Client()
    for number, payload in said:
        client.say(number, payload)
        client.say(number, strings(b"u", SERVICE, b"publickey") + payload)
    assert client.login is None
