"""The commands that change, stop and resume a key, and show the keys below it, on the database."""

from typing import Any

import click
from msgspec import UNSET, to_builtins

from billing.engine.key_standing import load_standings
from cli.acting import tell
from cli.database import read, write
from cli.examples import examples
from cli.key_options import REMOVABLE, given, limit_options
from cli.options import database_option
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
from store.database import Transaction
from webhooks.events.key_events import KeyEvent, tell_key


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
    type=click.Choice(sorted(REMOVABLE)),
    multiple=True,
    help="Take a limit away; repeat for several.",
)
@database_option
@json_option
def set_(key_id: str, name: str | None, removed: tuple[str, ...], **options: Any) -> None:
    """Change a key's name and limits; what is not named stays."""
    wanted = {field: value for field, value in given(options).items() if value is not None}
    wanted |= {REMOVABLE[word]: None for word in removed}
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
@database_option
@json_option
def pause(key_id: str) -> None:
    """Stop a key and every key made by it, until it is resumed."""
    _stop_or_go(key_id, "key.paused")


@click.command("resume", epilog=examples("topup keys resume key_7Hn2"))
@click.argument("key_id")
@database_option
@json_option
def resume(key_id: str) -> None:
    """Let a paused key go on."""
    _stop_or_go(key_id, "key.resumed")


@click.command("tree", epilog=examples("topup keys tree key_7Hn2"))
@click.argument("key_id")
@database_option
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
