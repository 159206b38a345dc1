"""Send one message through the mail server, within SEND_S seconds.

A 5xx response about this recipient or letter is final. Anything else is retried.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Final, Literal

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from billing.recipients.smtp_server import SmtpServer

SEND_S: Final = 60.0
COMMAND_S: Final = 30.0
_QUIT_S: Final = 5.0
_FINAL: Final = 500


@dataclass(frozen=True, slots=True)
class Handed:
    outcome: Literal["taken", "refused", "later"]
    reason: str | None = None


class SmtpSender:
    def __init__(self, server: SmtpServer, *, our_domain: str, send_s: float = SEND_S) -> None:
        self._server = server
        self._our_domain = our_domain
        self._send_s = send_s

    async def hand_in(self, message: EmailMessage, *, sender: str, recipient: str) -> Handed:
        try:
            async with asyncio.timeout(self._send_s):
                client = await self._send(message, sender, recipient)
        except (SMTPRecipientsRefused, SMTPRecipientRefused, SMTPDataError) as error:
            return _refused(error)
        except SMTPResponseException as error:
            return Handed("later", f"{error.code} {error.message}")
        except TimeoutError:
            return Handed("later", "the mail server did not answer in time")
        except (SMTPException, OSError, ValueError) as error:
            return Handed("later", f"{type(error).__name__}: {error}")
        # The server has accepted the mail, so an error while disconnecting doesn't matter.
        await _leave(client)
        return Handed("taken")

    async def check(self) -> str:
        async with asyncio.timeout(self._send_s):
            client = await self._connect()
            await _leave(client)
        server = self._server
        signed_in = "" if server.user is None else ", signs in"
        return f"{server.host}:{server.port} answers ({server.security}){signed_in}"

    async def _send(self, message: EmailMessage, sender: str, recipient: str) -> aiosmtplib.SMTP:
        client = await self._connect()
        try:
            await client.sendmail(sender, [recipient], message.as_bytes(policy=SMTP_POLICY))
        except BaseException:
            client.close()
            raise
        return client

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=COMMAND_S,
            local_hostname=self._our_domain,
        )
        await client.connect()
        return client


async def _leave(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(SMTPException, OSError, TimeoutError):
        await client.quit(timeout=_QUIT_S)
    client.close()


def _refused(error: SMTPException) -> Handed:
    said = error.recipients[0] if isinstance(error, SMTPRecipientsRefused) else error
    assert isinstance(said, SMTPResponseException), "the server answered with a code"
    reason = f"{said.code} {said.message}"
    return Handed("refused" if said.code >= _FINAL else "later", reason)
