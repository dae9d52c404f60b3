"""What an agent shows: certificates and their key in one file, join tokens used once, workloads' tokens read anew."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.support.loop import Loop
from tests.support.tokens import Time, make_ring
from twisted_hoop.agent.enrolment_files import (
    FILE,
    CertifiedCredentials,
    WorkloadCredentials,
    make_credentials,
    read_identity,
)
from twisted_hoop.agent.settings import AgentOwnSection
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.interfaces import IAgentCredentials

IDENT = "0123456789abcdef" * 2


class Own:
    """An agent's credentials in a folder, and the authority that certifies them."""

    def __init__(self, loop: Loop, folder: Path, environ: dict[str, str] | None = None, **section: Any) -> None:
        self.loop, self.time, self.environ = loop, Time(time.time()), environ or {}
        self.section = AgentOwnSection.model_validate(
            {"name": "office", "gateway": "tls://gateway.test:7443", "state": str(folder / "state"), **section}
        )
        self.authority = AgentAuthority(new_private_key(), self.time)
        self.start()

    def start(self) -> None:
        self.credentials: Any = make_credentials(self.section, self.loop.reactor, self.environ, self.time)
        assert verifyObject(IAgentCredentials, self.credentials)

    def current(self) -> Any:
        return self.loop.run(self.credentials.current)

    def certified(self, name: str = "office") -> str:
        return self.authority.issue(name, IDENT, parse_line(self.credentials.public_key()), 3600).line

    def renewed(self, line: str) -> None:
        self.loop.run(lambda: self.credentials.renewed(line))


def test_from_join_token_to_certificate_and_its_renewal(loop: Loop, tmp_path: Path) -> None:
    own = Own(loop, tmp_path, {"JOIN": "hoop_join_1"}, join_token="env:JOIN")
    assert isinstance(own.credentials, CertifiedCredentials)
    assert own.current().token == "hoop_join_1" and own.credentials.renew_at() is None
    first = own.credentials.public_key()
    own.renewed(own.certified())
    assert own.credentials.renew_at() == own.time.now + 2400
    login = own.current()
    assert login.token == "" and login.key.public.line == first == login.certificate.key.line
    second = own.credentials.public_key()
    assert second != first
    own.time.now += 2400
    own.renewed(own.certified())
    assert own.current().key.public.line == second
    own.start()  # the program starts again
    assert own.current().key.public.line == second
    assert own.credentials.renew_at() == pytest.approx(own.time.now + 2400, abs=2)


def test_R11_the_key_is_for_the_agent_alone(loop: Loop, tmp_path: Path) -> None:
    own = Own(loop, tmp_path, join_token="hoop_join_1")
    own.current()
    own.renewed(own.certified())
    file = tmp_path / "state" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    assert "hoop_join_1" not in file.read_text()
    file.chmod(0o644)
    own.start()
    with pytest.raises(AuthenticationFailed, match="chmod 600"):
        own.current()


def test_a_new_join_token_enrols_anew_and_a_refused_one_does_not_stand_in_the_way(loop: Loop, tmp_path: Path) -> None:
    environ = {"JOIN": "hoop_join_1"}
    own = Own(loop, tmp_path, environ, join_token="env:JOIN")
    own.current()
    own.renewed(own.certified())
    environ["JOIN"] = "hoop_join_2"
    assert own.current().token == "hoop_join_2"
    assert own.current().certificate is not None  # it was refused: perhaps the certificate is good still
    assert own.current().token == "hoop_join_2"
    own.renewed(own.certified())
    assert own.current().certificate is not None and own.current().certificate is not None
    environ.clear()
    own.start()
    assert own.current().certificate is not None


def test_without_anything_there_is_nothing_to_show(loop: Loop, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationFailed, match="neither a certificate nor a join token"):
        Own(loop, tmp_path).current()
    with pytest.raises(AuthenticationFailed, match="env:NOTHING holds no token"):
        Own(loop, tmp_path, join_token="env:NOTHING").current()
    with pytest.raises(AuthenticationFailed, match="cannot be read"):
        Own(loop, tmp_path, join_token=f"file:{tmp_path}/nothing").current()


def test_R11_a_join_token_that_others_can_read_is_not_used(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "join").write_text("hoop_join_1\n")
    (tmp_path / "join").chmod(0o644)
    own = Own(loop, tmp_path, join_token=f"file:{tmp_path}/join")
    with pytest.raises(AuthenticationFailed, match="chmod 600"):
        own.current()
    (tmp_path / "join").chmod(0o600)
    assert own.current().token == "hoop_join_1"


def test_a_certificate_that_is_not_ours_is_not_kept(loop: Loop, tmp_path: Path) -> None:
    own = Own(loop, tmp_path, join_token="hoop_join_1")
    own.current()
    others = own.authority.issue("office", IDENT, new_private_key().public, 3600).line
    for line in ("", "x", "ssh-ed25519 AAAA", others, own.certified("lab"), own.certified() + "A"):
        with pytest.raises(ValueError):
            own.renewed(line)
    assert not (tmp_path / "state" / FILE).exists()


def test_a_file_that_is_broken_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / FILE
    for text in ("", "x", "-----END OPENSSH PRIVATE KEY-----\n", "\xff"):
        file.write_text(text)
        file.chmod(0o600)
        with pytest.raises(AuthenticationFailed, match=r"identity cannot be (used|read)"):
            read_identity(file)


def test_a_workloads_token_is_read_anew(loop: Loop, tmp_path: Path) -> None:
    ring, file = make_ring(), tmp_path / "token"
    now = int(time.time())
    file.write_text(ring.token("pod", exp=now + 600) + "\n")
    file.chmod(0o644)  # as a platform writes it
    own = Own(loop, tmp_path, token=f"file:{file}")
    assert isinstance(own.credentials, WorkloadCredentials)
    assert own.credentials.public_key() == "" and own.credentials.renew_at() is None
    assert own.current().token == file.read_text().strip()
    assert own.credentials.renew_at() == pytest.approx(now + 450, abs=5)
    file.write_text(ring.token("pod", exp=now + 5))
    assert own.current().token == file.read_text().strip()
    assert own.credentials.renew_at() == own.time.now + 10  # not at once again, and again
    with pytest.raises(ValueError):
        own.renewed("x")


def test_a_program_may_give_the_token(loop: Loop, tmp_path: Path) -> None:
    own = Own(loop, tmp_path, token_command=[sys.executable, "-c", "print('a.b.c')"])
    assert own.current().token == "a.b.c" and own.credentials.renew_at() is None
    for command in (
        [sys.executable, "-c", "raise SystemExit(3)"],
        [str(tmp_path / "nothing")],
        [sys.executable, "-c", ""],
    ):
        with pytest.raises(AuthenticationFailed, match="no token"):
            Own(loop, tmp_path, token_command=command).current()


@given(st.text(max_size=100))
def test_any_token_has_an_end_or_none(text: str) -> None:
    from twisted_hoop.agent.enrolment_files import _end_of

    ends = _end_of(text)
    assert ends is None or ends > 0
