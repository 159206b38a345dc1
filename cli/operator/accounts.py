"""`topup accounts`: tenants."""

from collections.abc import Sequence
from typing import Any

import click

from billing.credits.checkin_day import zone_of
from billing.credits.opening import open_account
from cli.acting import tell
from cli.database import account_named, read, write
from cli.examples import examples
from cli.operator.account.notifications import notifications
from cli.operator.account.sign_in import members, password, two_factor
from cli.operator.account.suspension import resume, suspend
from cli.operator.recharge import recharge
from cli.options import environment_option, limit_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock, rfc3339
from kernel.ids import number_of
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import (
    Account,
    get_account,
    list_accounts,
    lock_tenants,
    set_day_limit,
    set_operator,
    set_time_zone,
)
from keys.audit_log import NamedEntry
from keys.live import close_live, open_live, verify_email
from keys.principal import Environment
from store.database import Transaction


@click.group(
    epilog=examples(
        "topup accounts create --name Acme --email ops@acme.example",
        "topup accounts list --json",
    )
)
def accounts() -> None:
    """Tenants: merchants, agent operators, end users."""


for each in (recharge, password, members, notifications, two_factor, suspend, resume):
    accounts.add_command(each)


@accounts.command(
    "create",
    epilog=examples(
        "topup accounts create --name Acme --email ops@acme.example",
        "topup accounts create --name Us --email us@acme.example --operator",
    ),
)
@click.option("--name", required=True, help="What people call it.")
@click.option("--email", help="Default recipient and sign-in name.")
@click.option("--operator", is_flag=True, help="Its own credentials may carry `admin`.")
@json_option
def create(name: str, email: str | None, operator: bool) -> None:  # noqa: FBT001
    """Create an account; its staging wallet holds $10,000.00 of test credit."""

    async def work(tx: Transaction) -> Account:
        now_us = SystemClock().now_us()
        made = await open_account(tx, name=name, email=email, now_us=now_us, is_operator=operator)
        return await get_account(tx, made)

    show_record(_shape(run(write(work))))


@accounts.command(
    "list",
    epilog=examples(
        "topup accounts list --limit 10",
        "topup accounts list --json",
    ),
)
@limit_option
@click.option("--cursor", help="The id of the last account of the page before.")
@json_option
def list_(limit: int, cursor: str | None) -> None:
    """List accounts, newest first."""

    async def work(tx: Transaction) -> list[Account]:
        return await list_accounts(tx, before_id=cursor, limit=limit)

    found = run(read(work))
    more = found[-1].id if len(found) == limit else None
    rows = [_shape(account) for account in found]
    show_rows(rows, "id", "name", "email", "operator", "sandbox", "created_at", next_cursor=more)


@accounts.command(
    "show",
    epilog=examples(
        "topup accounts show ops@acme.example",
    ),
)
@click.argument("account")
@json_option
def show(account: str) -> None:
    """Show one account, by its id or its email address."""
    show_record(_shape(run(read(account_named(account)))))


@accounts.command(
    "operator",
    epilog=examples(
        "topup accounts operator ops@acme.example --on",
    ),
)
@click.argument("account")
@click.option("--on/--off", required=True, help="Let its credentials carry `admin`, or no longer.")
@json_option
def operator(account: str, on: bool) -> None:  # noqa: FBT001
    """Mark an account as the operator's own."""

    async def work(tx: Transaction) -> Account:
        found = await account_named(account)(tx)
        await set_operator(tx, found.id, is_operator=on)
        await tell(tx, Tenant(found.id, ""), "operator.set", found.id, after={"operator": on})
        return await get_account(tx, found.id)

    show_record(_shape(run(write(work))))


@accounts.command(
    "limit",
    epilog=examples(
        "topup accounts limit ops@acme.example --environment live --per-day-cents 100000",
        "topup accounts limit ops@acme.example --environment live --off",
    ),
)
@click.argument("account")
@environment_option
@click.option("--per-day-cents", type=int, help="On one day of UTC, by all credentials together.")
@click.option("--off", is_flag=True, help="Take the limit away.")
@json_option
def limit(
    account: str,
    environment: Environment,
    per_day_cents: int | None,
    off: bool,  # noqa: FBT001
) -> None:
    """Limit what an account spends on a day, over all of its keys, tokens and people."""
    if (per_day_cents is None) != off:
        raise click.UsageError("give --per-day-cents or --off, one of them")

    async def work(tx: Transaction) -> dict[str, Any]:
        tenant = Tenant((await account_named(account)(tx)).id, environment)
        await lock_tenants(tx, [tenant])
        await set_day_limit(tx, tenant, per_day_cents)
        after = {"per_day_cents": per_day_cents}
        await tell(tx, tenant, "account.limited", tenant.account_id, after=after)
        return {"account_id": tenant.account_id, "environment": environment, **after}

    show_record(run(write(work)))


@accounts.command(
    "live",
    epilog=examples(
        "topup accounts live ops@acme.example on",
        "topup accounts live ops@acme.example off",
    ),
)
@click.argument("account")
@click.argument("to", type=click.Choice(["on", "off"]))
@json_option
def live(account: str, to: str) -> None:
    """Open live for an account, so that it can hold live keys; off: those stop working at once."""

    async def work(tx: Transaction) -> Account:
        found = await account_named(account)(tx)
        now_us = SystemClock().now_us()
        await (open_live if to == "on" else close_live)(tx, found.id, now_us=now_us)
        action = "live.opened" if to == "on" else "live.closed"
        await tell(tx, Tenant(found.id, ""), action, found.id)
        return await get_account(tx, found.id)

    show_record(_shape(run(write(work))))


@accounts.command(
    "verify-email",
    epilog=examples(
        "topup accounts verify-email ops@acme.example",
    ),
)
@click.argument("account")
@json_option
def verify_email_(account: str) -> None:
    """Note that an account's people read its mail; with TOPUP_SELF_SERVE_LIVE that opens live."""

    async def work(tx: Transaction) -> Account:
        found = await account_named(account)(tx)
        await verify_email(tx, found.id, now_us=SystemClock().now_us())
        await tell(tx, Tenant(found.id, ""), "email.verified", found.id)
        return await get_account(tx, found.id)

    show_record(_shape(run(write(work))))


@accounts.command(
    "log",
    epilog=examples(
        "topup accounts log ops@acme.example --environment live --limit 20",
    ),
)
@click.argument("account")
@environment_option
@limit_option
@click.option("--cursor", help="The id of the last entry of the page before.")
@json_option
def log(account: str, environment: Environment, limit: int, cursor: str | None) -> None:
    """List what concerns an account's security: sign-ins, keys, secrets, apps; newest first."""

    async def work(tx: Transaction) -> Sequence[NamedEntry]:
        found = await account_named(account)(tx)
        scope = Tenant(found.id, environment)
        return await audit_log.page_of_account(tx, scope, before_id=cursor, limit=limit)

    found = run(read(work))
    more = found[-1].entry.id if len(found) == limit else None
    rows = [
        {**one.entry.shape(), "by": f"{one.entry.actor_kind} {one.actor_name or one.entry.actor}"}
        for one in found
    ]
    columns = ("created_at", "action", "outcome", "by", "address", "subject_id")
    show_rows(rows, *columns, next_cursor=more)


@accounts.command(
    "zone",
    epilog=examples(
        "topup accounts zone ops@acme.example Asia/Kuwait",
    ),
)
@click.argument("account")
@click.argument("time_zone")
@json_option
def zone(account: str, time_zone: str) -> None:
    """Set where an account's days begin, such as Asia/Kuwait; counts after its next check-in."""

    async def work(tx: Transaction) -> Account:
        zone_of(time_zone)
        found = await account_named(account)(tx)
        await set_time_zone(tx, found.id, time_zone)
        return await get_account(tx, found.id)

    show_record(_shape(run(write(work))))


def _shape(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "user_id": number_of(account.id),
        "name": account.name,
        "email": account.email,
        "operator": account.is_operator,
        "sandbox": account.is_sandbox,
        "live": account.is_live_open,
        "email_verified": account.email_verified_at is not None,
        "suspended_for": account.suspended_for,
        "time_zone": account.time_zone,
        "created_at": rfc3339(account.created_at),
    }
