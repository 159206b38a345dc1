"""A worker's loops that pass mail to the operator's mail server."""

from collections.abc import Sequence
from email.headerregistry import Address

from billing.recipients.smtp import SmtpSender
from billing.recipients.smtp_server import SmtpServer
from runtime.context import Context
from worker.mail import Mailer
from worker.money.owner_mail import OwnerMailer
from worker.woken_loop import WokenLoop


def mailers_of(context: Context, server: SmtpServer, mail_from: Address) -> Sequence[WokenLoop]:
    shared = (
        context.database,
        context.clock,
        context.topup_rules,
        SmtpSender(server, our_domain=mail_from.domain),
        mail_from,
        context.metrics.mails.add,
    )
    label = context.payments.providers.label
    return Mailer(*shared), OwnerMailer(*shared, label=label)
