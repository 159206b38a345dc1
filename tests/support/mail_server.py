"""A mail server on loopback that keeps what it is given, and answers as a test asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

from billing.recipients.smtp import SmtpSender
from billing.recipients.smtp_server import SmtpServer

OK = "250 OK"


@dataclass
class MailServer:
    """messages: what it took. to_rcpt, to_data: its answers. hangs: it takes a mail and says nothing."""

    port: int = 0
    to_rcpt: str = OK
    to_data: str = OK
    hangs: bool = False
    messages: list[EmailMessage] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_rcpt == OK:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return self.to_rcpt

    async def handle_DATA(  # noqa: N802 aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        content = cast(bytes, envelope.original_content)
        if self.to_data == OK:
            self.taken.append(content)
            self.messages.append(message_from_bytes(content, policy=default))
        return self.to_data

    def sender(self, send_s: float = 10) -> SmtpSender:
        server = SmtpServer("127.0.0.1", self.port, "none")
        return SmtpSender(server, our_domain="acme.example", send_s=send_s)


@contextlib.asynccontextmanager
async def open_mail_server() -> AsyncIterator[MailServer]:
    handler = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.test", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    handler.port = server.sockets[0].getsockname()[1]
    async with server:
        yield handler
