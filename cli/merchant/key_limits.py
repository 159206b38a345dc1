"""What a key's mandate is on the command line: its options, and the commands that change and stop a key."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from msgspec import UNSET, to_builtins

from billing.engine.key_standing import load_standings
from cli.acting import tell
from cli.database import read, write
from cli.examples import examples
from cli.options import Moment
from cli.output import json_option, run, show_record, show_rows
from gateway.api.schemas.keys import ApiKey as KeyShape
from kernel.clock import SystemClock, rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import KeyChanges
from keys.api_keys.key_state import load_key_states
from keys.api_keys.tree import tree as tree_of
from keys.audit_log import COMMAND_LINE
from keys.mandate import SpendWindow
from store.database import Transaction
from webhooks.events.key_events import KeyEvent, tell_key

F = TypeVar("F", bound=Callable[..., Any])


class Window(click.ParamType[SpendWindow]):
    """3600:5000 is at most 5,000 cents in any 3,600 seconds."""

    name = "SECONDS:CENTS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> SpendWindow:
        seconds, colon, cents = str(value).partition(":")
        if not (colon and seconds.isdigit() and cents.isdigit()):
            self.fail("write it as SECONDS:CENTS, such as 3600:5000", param, ctx)
        return SpendWindow(int(seconds), int(cents))


_OPTIONS = (
    click.option("--purpose", help="What it is for, in your words."),
    click.option(
        "--platform", "platforms", multiple=True, help="The only ones; repeat for several."
    ),
    click.option(
        "--recipient",
        "recipients",
        multiple=True,
        help="The only ones: an address or *@domain; repeat for several.",
    ),
    click.option("--lifetime-cents", type=int, help="The most that it may ever spend."),
    click.option(
        "--window",
        "windows",
        type=Window(),
        multiple=True,
        help="The most in any so many seconds; repeat for several.",
    ),
    click.option("--per-recipient-per-day-cents", type=int, help="To one recipient, UTC."),
    click.option("--max-sends-per-hour", type=int, help="Accepted sends in any hour."),
    click.option(
        "--repeat-guard-s", type=int, help="Refuse the same send again for so many seconds."
    ),
)
_LISTS = ("platforms", "recipients", "windows")
_CAPS = (
    click.option("--per-call-cents", type=int, help="The most that one send may cost."),
    click.option("--per-day-cents", type=int, help="The most in a day of UTC."),
    click.option("--per-month-cents", type=int, help="The most in a month of UTC."),
    click.option(
        "--approval-above-cents",
        "--approval-threshold-cents",
        "approval_threshold_cents",
        type=int,
        help="A send above it waits for approval.",
    ),
    click.option(
        "--approval-above-per-day-cents",
        type=int,
        help="So does one that takes the UTC day's sends without approval above it.",
    ),
    click.option("--expires-at", type=Moment(), help="RFC 3339, such as 2027-01-31T00:00:00Z."),
)
# What `--no` takes away, by the key's fields.
_REMOVABLE: Mapping[str, str] = {
    "purpose": "purpose",
    "platforms": "platforms",
    "recipients": "recipients",
    "lifetime": "lifetime_cents",
    "windows": "windows",
    "per-recipient-per-day": "per_recipient_per_day_cents",
    "max-sends-per-hour": "max_sends_per_hour",
    "repeat-guard": "repeat_guard_s",
    "per-call": "per_call_cents",
    "per-day": "per_day_cents",
    "per-month": "per_month_cents",
    "approval-above": "approval_threshold_cents",
    "approval-above-per-day": "approval_above_per_day_cents",
    "expires-at": "expires_at",
}


def limit_options(command: F) -> F:
    """The options of every limit that a key may carry."""
    for option in reversed((*_CAPS, *_OPTIONS)):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits as a new key takes them; a list that was not named is none."""
    return {name: value or None if name in _LISTS else value for name, value in options.items()}


@click.command(
    "set",
    epilog=examples(
        "topup keys set key_7Hn2 --per-day-cents 5000 --window 3600:1000",
        "topup keys set key_7Hn2 --no recipients --no lifetime",
    ),
)
@click.argument("key_id")
@click.option("--name", help="What people call it.")
@limit_options
@click.option(
    "--no",
    "removed",
    type=click.Choice(sorted(_REMOVABLE)),
    multiple=True,
    help="Take a limit away; repeat for several.",
)
@json_option
def set_(key_id: str, name: str | None, removed: tuple[str, ...], **options: Any) -> None:
    """Change a key's name and limits; what is not named stays."""
    wanted = {field: value for field, value in given(options).items() if value is not None}
    wanted |= {_REMOVABLE[word]: None for word in removed}
    changes = KeyChanges(name=UNSET if name is None else name, **wanted)

    async def work(tx: Transaction) -> ApiKey:
        tenant = await tenant_of(tx, key_id)
        await lock_tenants(tx, [tenant])
        now_us = SystemClock().now_us()
        after = {field: to_builtins(value) for field, value in wanted.items()}
        await tell(tx, tenant, "key.changed", key_id, after=after)
        return await api_key.patch(tx, tenant, key_id, changes=changes, asker=None, now_us=now_us)

    show_record(shape(run(write(work))))


@click.command("pause", epilog=examples("topup keys pause key_7Hn2"))
@click.argument("key_id")
@json_option
def pause(key_id: str) -> None:
    """Stop a key and every key made by it, until it is resumed."""
    _stop_or_go(key_id, "key.paused")


@click.command("resume", epilog=examples("topup keys resume key_7Hn2"))
@click.argument("key_id")
@json_option
def resume(key_id: str) -> None:
    """Let a paused key go on."""
    _stop_or_go(key_id, "key.resumed")


@click.command("tree", epilog=examples("topup keys tree key_7Hn2"))
@click.argument("key_id")
@json_option
def tree(key_id: str) -> None:
    """Show a key and every key made by it, each with its limits and what is left of them."""

    async def work(tx: Transaction) -> list[dict[str, Any]]:
        tenant = await tenant_of(tx, key_id)
        listed = await tree_of(tx, tenant, key_id)
        now_us = SystemClock().now_us()
        standings = await load_standings(tx, tenant, [one.id for one in listed], now_us=now_us)
        rows: list[dict[str, Any]] = []
        for one in listed:
            row = {"id": one.id, "name": one.name, "parent_id": one.parent_id}
            row["paused_at"] = None if one.paused_at is None else rfc3339(one.paused_at)
            views = [view for view in standings.of((one.id,)).limits if view.key_id is not None]
            rows += [
                {**row, "cap": view.cap, "limit": view.limit, "remaining": view.remaining}
                for view in views
            ] or [{**row, "cap": None, "limit": None, "remaining": None}]
        return rows

    show_rows(run(read(work)), "id", "name", "paused_at", "cap", "limit", "remaining")


def _stop_or_go(key_id: str, what: KeyEvent) -> None:
    async def work(tx: Transaction) -> ApiKey:
        tenant = await tenant_of(tx, key_id)
        await lock_tenants(tx, [tenant])
        before, now_us = await api_key.get(tx, tenant, key_id), SystemClock().now_us()
        if what == "key.paused":
            after = await api_key.pause(tx, tenant, key_id, asker=None, now_us=now_us)
        else:
            after = await api_key.resume(tx, tenant, key_id, asker=None)
        if before.paused_at != after.paused_at:
            await tell(tx, tenant, what, key_id)
            await tell_key(tx, what, after, by=COMMAND_LINE, now_us=now_us)
        return after

    show_record(shape(run(write(work))))


async def tenant_of(tx: Transaction, key_id: str) -> Tenant:
    """Whose key it is; the operator need not say."""
    state = (await load_key_states(tx, [key_id])).get(key_id)
    if state is None:
        raise NotFound("Key")
    return Tenant(state.account_id, state.environment)


def shape(key: ApiKey) -> dict[str, Any]:
    """As the API lists it, and whose it is."""
    return {**to_builtins(KeyShape.of(key)), "account_id": key.account_id}
