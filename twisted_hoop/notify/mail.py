"""E-mail by SMTP, in a thread. Plain text; replies are read by nobody."""

from __future__ import annotations

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from twisted_hoop.approval.shown import visible
from twisted_hoop.errors import NoticeUndelivered
from twisted_hoop.interfaces import INotifier, ISecretStore
from twisted_hoop.model import Notice
from twisted_hoop.notify.notices import headline, lines
from twisted_hoop.notify.webhook import resolved
from twisted_hoop.settings import NotifySection


@implementer(INotifier)
class Mail:
    """See the module. `reactor` lends the thread."""

    def __init__(self, section: NotifySection, secrets: ISecretStore, reactor: Any) -> None:
        self._section = section
        self._secrets = secrets
        self._reactor = reactor

    async def deliver(self, notice: Notice) -> None:
        """See INotifier."""
        password = await resolved(self._secrets, self._section.secret) if self._section.login else ""
        pool = self._reactor.getThreadPool()
        await deferToThreadPool(self._reactor, pool, send, self._section, password, letter(self._section, notice))


def letter(section: NotifySection, notice: Notice) -> EmailMessage:
    """The message. Its id is the notice's, so that one that comes twice can be told; it never holds a foreign line."""
    made = EmailMessage()
    made["From"] = section.sender
    made["To"] = ", ".join(section.to)
    made["Subject"] = " ".join(visible(headline(notice)).split())
    made["Date"] = format_datetime(datetime.fromtimestamp(notice.at, UTC))
    made["Message-ID"] = f"<{notice.id}@{section.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    body = "\n".join((*lines(notice), "", str(notice.approval["text"]), "", notice.url, ""))
    made.set_content(body.encode("utf-8", "backslashreplace").decode())
    return made


def send(section: NotifySection, password: str, message: EmailMessage) -> None:
    """One attempt; NoticeUndelivered when the server does not take it. Blocks."""
    try:
        with _connected(section) as server:
            if section.login:
                server.login(section.login, password)
            server.send_message(message)
    except smtplib.SMTPResponseException as fault:
        # RFC 5321, section 4.2.1: 5yz will be so again. The text may quote what was sent: only the code is told.
        raise NoticeUndelivered(f"the server says {fault.smtp_code}", permanent=fault.smtp_code >= 500) from None
    except smtplib.SMTPRecipientsRefused as fault:
        codes = {code for code, _ in fault.recipients.values()}
        permanent = all(code >= 500 for code in codes)
        raise NoticeUndelivered(f"no recipient is taken: {sorted(codes)}", permanent) from None
    except (smtplib.SMTPException, OSError) as fault:
        raise NoticeUndelivered(f"no answer: {type(fault).__name__}") from None


def _connected(section: NotifySection) -> smtplib.SMTP:
    host, _, port = section.server.rpartition(":")
    host = host.strip("[]")
    if section.encryption == "tls":
        return smtplib.SMTP_SSL(host, int(port), timeout=section.timeout, context=_context(section))
    server = smtplib.SMTP(host, int(port), timeout=section.timeout)
    try:
        if section.encryption == "starttls":
            # Refused when the server does not offer it: nothing is sent in the clear (RFC 3207, section 6).
            server.starttls(context=_context(section))
    except BaseException:
        server.close()
        raise
    return server


def _context(section: NotifySection) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=section.ca or None)
