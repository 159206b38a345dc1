"""`topup accounts`: tenants."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from billing.credits.checkin_day import zone_of
from billing.credits.opening import open_account
from cli.acting import tell
from cli.database import account_named, read, write
from cli.examples import examples
from cli.operator.recharge import recharge
from cli.operator.supply import in_one
from cli.options import environment_option, limit_option
from cli.output import json_option, run, show_record, show_rows
from kernel.clock import SystemClock, rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from keys import audit_log, second_factor
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
from keys.member import Member, list_members
from keys.password import check_password, hash_password
from keys.principal import Environment
from keys.sign_in import password_reset
from runtime.context import Context
from store.database import Transaction


@click.group(
    epilog=examples(
        "topup accounts create --name Acme --email ops@acme.example",
        "topup accounts list --json",
    )
)
def accounts() -> None:
    """Tenants: merchants, agent operators, end users."""


accounts.add_command(recharge)


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


@accounts.command(
    "password",
    epilog=examples(
        "topup accounts password ops@acme.example",
        "topup accounts password ops@acme.example --generate",
        "topup accounts password ops@acme.example --link",
    ),
)
@click.argument("account")
@click.option("--generate", is_flag=True, help="Make one and print it, this once.")
@click.option("--link", is_flag=True, help="Print a link that sets one, once, within an hour.")
@json_option
def password(account: str, generate: bool, link: bool) -> None:  # noqa: FBT001
    """Set the password that signs in to the dashboard; signs the account out everywhere.

    Asked for without showing it, unless --generate; it is never an argument, which others could see. With --link
    nothing changes yet: hand the link to the owner, who chooses the password. Make sure that it is they who ask.
    """
    if link and generate:
        raise InvalidInput("give --generate or --link", param="link")
    if link:
        show_record(in_one(partial(_password_link, account)))
        return
    if generate:
        new = secrets.token_urlsafe(15)
    else:
        new = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    run(_set_password(account, new))
    show_record({"account": account, "password": new} if generate else {"account": account})


async def _password_link(
    account: str, context: Context, tx: Transaction, now_us: int
) -> dict[str, str]:
    found = await account_named(account)(tx)
    await lock_tenants(tx, [Tenant(found.id, "staging")])
    reset = await password_reset.begin(tx, found, now_us=now_us)
    if reset is None:
        raise InvalidInput(
            "the account has no email address to sign in with, or ten links that nobody used yet",
            param="account",
        )
    await tell(tx, Tenant(found.id, ""), "password.asked", found.id)
    url = context.topup_rules.password_url(reset.id)
    return {"account": found.id, "url": url, "expires_at": rfc3339(reset.expires_at)}


async def _set_password(account: str, new: str) -> None:
    check_password(new)
    password_hash = hash_password(new)

    async def work(tx: Transaction) -> None:
        found = await account_named(account)(tx)
        if found.email is None:
            raise InvalidInput("the account has no email address to sign in with", param="account")
        ended = await password_reset.change_password(tx, found.id, password_hash)
        after = {"sessions_ended": ended}
        await tell(tx, Tenant(found.id, ""), "password.changed", found.id, after=after)

    await write(work)


@accounts.command("members", epilog=examples("topup accounts members ops@acme.example"))
@click.argument("account")
@json_option
def members(account: str) -> None:
    """List an account's colleagues and whom its owner invited; who joined has an account of their own."""

    async def work(tx: Transaction) -> list[Member]:
        return list(await list_members(tx, (await account_named(account)(tx)).id))

    rows = [
        {
            "id": one.id,
            "email": one.email,
            "role": one.role,
            "joined_at": None if one.joined_at is None else rfc3339(one.joined_at),
            "person_id": one.person_id,
        }
        for one in run(read(work))
    ]
    show_rows(rows, "email", "role", "joined_at", "person_id")


@accounts.command("two-factor", epilog=examples("topup accounts two-factor ops@acme.example --off"))
@click.argument("account")
@click.option("--off", is_flag=True, help="Switch it off: the password alone is enough.")
@json_option
def two_factor(account: str, off: bool) -> None:  # noqa: FBT001
    """Show whether signing in takes a code, or switch that off for who lost phone and recovery codes.

    Make sure that it is they who ask: whoever has the password gets in then.
    """

    async def work(tx: Transaction) -> dict[str, object]:
        found = await account_named(account)(tx)
        if off:
            if not await second_factor.remove(tx, found.id):
                raise InvalidInput("it is off already", param="account")
            await tell(tx, Tenant(found.id, ""), "two_factor.off", found.id)
        factor = await second_factor.find(tx, found.id)
        is_on = factor is not None and factor.confirmed_at is not None
        left = len(factor.recovery) if factor is not None and is_on else 0
        return {"account": found.id, "two_factor": is_on, "recovery_codes_left": left}

    show_record(run(write(work)))


def _shape(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "operator": account.is_operator,
        "sandbox": account.is_sandbox,
        "live": account.is_live_open,
        "email_verified": account.email_verified_at is not None,
        "time_zone": account.time_zone,
        "created_at": rfc3339(account.created_at),
    }
