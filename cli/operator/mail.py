"""`topup mail`: what became of mail to recipients, and who gets none."""

from functools import partial
from typing import Any

import click

from billing.machine_payments.payment import drop_private
from billing.recipients import outbox
from billing.recipients.erasure import ROWS_PER_STEP, Erased, erase_step
from billing.recipients.refusal import allow_mail, refuse_mail
from billing.topups.mail import Mail
from cli.examples import examples
from cli.operator.supply import in_one, opened
from cli.options import environment_option, limit_option
from cli.output import json_option, show_record, show_rows
from cli.person import by_option, who_acts
from kernel.shaped import shown
from keys import audit_log
from keys.audit_log import Actor
from keys.email_address import normalise_email
from keys.principal import Environment
from runtime.context import Context
from runtime.request_log import rows as request_rows
from store.database import Transaction

STATUSES = ("queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited")
_HIDDEN = ("claim_no", "account_id", "environment")


@click.group(
    epilog=examples(
        "topup mail list --environment live --status bounced",
        "topup mail stop user@example.com",
    )
)
def mail() -> None:
    """Mail to recipients: what became of it, and who gets none."""


@mail.command("list", epilog=examples("topup mail list --status failed", "topup mail list --json"))
@environment_option
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--to", "address", help="Only mail to this address.")
@limit_option
@json_option
def list_(environment: Environment, status: str | None, address: str | None, limit: int) -> None:
    """List mails, newest first."""
    wanted = None if address is None else normalise_email(address, param="to")

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        found = await outbox.list_mails(
            tx, environment=environment, status=status, address=wanted, limit=limit
        )
        return [_shape(one) for one in found]

    columns = ("id", "recipient_email", "status", "attempts", "reason", "created_at")
    show_rows(in_one(act), *columns)


@mail.command("retry", epilog=examples("topup mail retry mal_… --by ana"))
@click.argument("mail_id")
@by_option
@json_option
def retry(mail_id: str, by: str | None) -> None:
    """Try a mail anew that bounced, failed or was kept back."""

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        again = await outbox.retry_mail(tx, mail_id, now_us=now_us)
        entry = audit_log.entry(
            Actor(who_acts(by)),
            "mail.retry",
            environment=again.environment,
            subject_id=again.id,
            now_us=now_us,
        )
        await audit_log.record(tx, [entry])
        return _shape(again)

    show_record(in_one(act))


@mail.command("stop", epilog=examples("topup mail stop user@example.com"))
@click.argument("address")
@json_option
def stop(address: str) -> None:
    """Send no more mail to an address, such as one that bounced or complained."""
    wanted = normalise_email(address, param="address")

    async def act(context: Context, tx: Transaction, now_us: int) -> None:
        digest = context.topup_rules.links.digest_of(wanted)
        await refuse_mail(tx, digest, now_us=now_us)

    in_one(act)
    show_record({"address": wanted, "gets_mail": False})


@mail.command("allow", epilog=examples("topup mail allow user@example.com"))
@click.argument("address")
@json_option
def allow(address: str) -> None:
    """Send mail to an address again."""
    wanted = normalise_email(address, param="address")

    async def act(context: Context, tx: Transaction, _now_us: int) -> bool:
        return await allow_mail(tx, context.topup_rules.links.digest_of(wanted))

    show_record({"address": wanted, "gets_mail": True, "was_stopped": in_one(act)})


@mail.command("erase", epilog=examples("topup mail erase user@example.com --yes"))
@click.argument("address")
@click.confirmation_option(prompt="This cannot be undone. Erase?")
@json_option
def erase(address: str) -> None:
    """Erase what is kept of a recipient, but for what the ledger must keep."""
    wanted = normalise_email(address, param="address")

    async def act(context: Context) -> dict[str, int]:
        topups = mails = payments = requests = 0
        while True:
            step = await context.database.transaction(partial(erase_step, address=wanted))
            dropped = await context.database.transaction(partial(drop_private, limit=ROWS_PER_STEP))
            logged = await context.database.transaction(
                partial(request_rows.erase_step, address=wanted)
            )
            if step == Erased(0, 0) and not dropped and not logged:
                return {
                    "topups": topups,
                    "mails": mails,
                    "payments": payments,
                    "requests": requests,
                }
            topups, mails = topups + step.topups, mails + step.mails
            payments, requests = payments + dropped, requests + logged

    show_record(opened(act))


def _shape(one: Mail) -> dict[str, Any]:
    return shown(one, without=_HIDDEN)
