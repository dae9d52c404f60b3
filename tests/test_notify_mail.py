"""E-mail to a real SMTP server."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import DELETE
from tests.support.loop import Loop
from tests.support.notices import URL, Secrets, notice, running_post
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.model import Notice
from twisted_hoop.notify.mail import Mail, letter
from twisted_hoop.settings import NotifySection

SECTION = NotifySection(
    name="m", kind="email", sender="hoop@example.com", to=["dba@example.com", "boss@example.com"], encryption="none"
)


def deliver(loop: Loop, told: Notice, port: int, password: str = "pencil", **about: Any) -> None:
    section = SECTION.model_copy(update={"server": f"localhost:{port}", **about})
    loop.run(lambda: Mail(section, Secrets(PW=password), loop.reactor).deliver(told))


def failure(loop: Loop, port: int, **about: Any) -> NoticeUndelivered:
    with pytest.raises(NoticeUndelivered) as caught:
        deliver(loop, notice(), port, **about)
    return caught.value


def test_a_letter_arrives(loop: Loop) -> None:
    with running_post() as post:
        told = notice()
        deliver(loop, told, post.port)
    (seen,) = post.letters
    assert seen["To"] == "dba@example.com, boss@example.com" and seen["Message-ID"] == f"<{told.id}@example.com>"
    assert seen["Subject"] == "Alice asks for approval on shop"
    body = seen.get_content()  # type: ignore[attr-defined]
    assert "DELETE FROM customers" in body and URL in body


def test_over_starttls_with_a_login(loop: Loop, tmp_path: Path) -> None:
    make_ca(tmp_path)
    issue(tmp_path, ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "localhost.pem", tmp_path / "localhost.key")
    secure = {"encryption": "starttls", "ca": str(tmp_path / "ca.pem"), "login": "hoop", "secret": "env:PW"}
    with running_post(context, login=True) as post:
        deliver(loop, notice(), post.port, **secure)
        assert post.logins == [("hoop", "pencil")] and len(post.letters) == 1
        failure(loop, post.port, **secure, password="wrong")
        # Who cannot be verified gets neither the letter nor the password.
        assert not failure(loop, post.port, **{**secure, "ca": ""}).permanent
        assert len(post.letters) == 1


def test_nothing_is_sent_in_the_clear_where_tls_was_wanted(loop: Loop) -> None:
    with running_post() as post:
        assert "SMTPNotSupportedError" in str(failure(loop, post.port, encryption="starttls"))
        assert post.letters == []


def test_what_the_server_says_decides_what_is_worth_trying_again(loop: Loop) -> None:
    with running_post() as post:
        post.refuse = ["451 come back later: Alice", "554 no"]
        first = failure(loop, post.port)
        assert not first.permanent and str(first) == "the server says 451"
        assert failure(loop, post.port).permanent
        port = post.port
    assert not failure(loop, port).permanent


@given(st.text(), st.text())
def test_no_text_makes_a_header_or_another_letter(text: str, name: str) -> None:
    told = notice(command=replace(DELETE, text=text, reason=f"x\nBcc: {name}@evil.example"))
    told.approval["principal"]["label"] = name  # type: ignore[index]
    made = letter(SECTION, told)
    made.as_bytes()
    assert made["Bcc"] is None and "\n" not in made["Subject"] and made["To"].count("@") == 2
