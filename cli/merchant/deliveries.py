"""`topup deliveries`: the delivery log, sending again, and cancelling."""

from collections.abc import Sequence
from typing import Any

import click
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import track

from cli.database import account_or_own, read
from cli.examples import examples
from cli.options import account_option, database_option, environment_option, limit_option
from cli.output import json_option, note, run, show_record, show_rows
from gateway.api.schemas.webhooks import Attempt, Delivery as DeliveryShape
from kernel.clock import SystemClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.installation import open_store, redis_url
from runtime.queue import Queue
from runtime.redis_link import RedisLink
from runtime.settings import Settings, load_settings
from store.database import Transaction, Work
from webhooks.deliveries import delivery, log
from webhooks.deliveries.log_page import DeliveryFilter, place_of
from webhooks.deliveries.stage import CANCELLED, STATUSES
from webhooks.events.event import check_type


@click.group(
    epilog=examples(
        "topup deliveries list --account ops@acme.example --status failed",
        "topup deliveries replay dlv_5Fxp dlv_5Fxq",
        "topup deliveries cancel dlv_5Fxp",
    )
)
def deliveries() -> None:
    """The webhook delivery log: list, show, send again, cancel."""


@deliveries.command(
    "list",
    epilog=examples(
        "topup deliveries list --account ops@acme.example --status failed",
    ),
)
@account_option
@environment_option
@click.option("--status", type=click.Choice(sorted(STATUSES)), help="Only those in this state.")
@click.option("--endpoint", "endpoint_id", help="An endpoint's id.")
@click.option("--event", "event_type", help="A type such as topup.delivered.")
@click.option("--transaction", "transaction_id", help="A top-up's id.")
@limit_option
@click.option("--cursor", help="The next_cursor of the page before.")
@database_option
@json_option
def list_(
    account: str | None,
    environment: Environment,
    status: str | None,
    endpoint_id: str | None,
    event_type: str | None,
    transaction_id: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List deliveries, newest first."""
    if event_type is not None:
        check_type(event_type, "event_type")
    wanted = DeliveryFilter(
        status=status,
        endpoint_id=endpoint_id,
        event_type=event_type,
        transaction_id=transaction_id,
    )

    async def work(tx: Transaction) -> log.DeliveryPage:
        owner = await account_or_own(account)(tx)
        tenant, before = Tenant(owner.id, environment), place_of(cursor)
        return await log.list_deliveries(tx, tenant, wanted=wanted, before=before, limit=limit)

    found = run(read(work))
    more = None if found.next is None else found.next.cursor()
    columns = ("id", "event_type", "endpoint_id", "status", "attempts_made", "created_at")
    show_rows(
        [asdict(DeliveryShape.of(one)) for one in found.deliveries], *columns, next_cursor=more
    )


@deliveries.command(
    "show",
    epilog=examples(
        "topup deliveries show dlv_5Fxp",
    ),
)
@click.argument("delivery_id")
@database_option
@json_option
def show(delivery_id: str) -> None:
    """Show one delivery with its attempts, and the reasons that only the operator sees."""

    async def work(tx: Transaction) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        tenant = await _tenant(tx, delivery_id)
        found = await log.get_delivery(tx, tenant, delivery_id)
        attempts = await log.attempts_of(tx, tenant, delivery_id)
        shapes = [{**asdict(Attempt.of(one)), "reason": one.reason} for one in attempts]
        return {
            **asdict(DeliveryShape.of(found)),
            "account_id": tenant.account_id,
            "environment": tenant.environment,
        }, shapes

    record, attempts = run(read(work))
    show_record(record, attempts=attempts)


@deliveries.command(
    "replay",
    epilog=examples(
        "topup deliveries replay dlv_5Fxp dlv_5Fxq",
    ),
)
@click.argument("delivery_ids", nargs=-1, required=True)
@database_option
@json_option
def replay(delivery_ids: Sequence[str]) -> None:
    """Send deliveries again: the same event and bytes, a fresh signature."""
    made = run(_replay(delivery_ids))
    rows = [{"id": new, "replay_of": old} for old, new in made]
    show_rows(rows, "id", "replay_of")
    note(f"{len(rows)} queued")


@deliveries.command(
    "cancel",
    epilog=examples(
        "topup deliveries cancel dlv_5Fxp dlv_5Fxq",
    ),
)
@click.argument("delivery_ids", nargs=-1, required=True)
@database_option
@json_option
def cancel(delivery_ids: Sequence[str]) -> None:
    """End deliveries that wait for their next attempt: they are not sent any more."""
    run(_cancel(delivery_ids))
    show_rows([{"id": one, "status": CANCELLED} for one in delivery_ids], "id", "status")
    note(f"{len(delivery_ids)} cancelled")


async def _cancel(delivery_ids: Sequence[str]) -> None:
    settings = load_settings()
    async with open_store(settings) as database:
        for one in delivery_ids:
            await database.transaction(_cancel_one(one))
    # To an ordered webhook something may go now.
    await _wake(settings)


def _cancel_one(delivery_id: str) -> Work[None]:
    async def work(tx: Transaction) -> None:
        tenant = await _tenant(tx, delivery_id)
        await lock_tenants(tx, [tenant])
        await delivery.cancel(tx, tenant, delivery_id, by=Actor(), now_us=SystemClock().now_us())

    return work


async def _replay(delivery_ids: Sequence[str]) -> list[tuple[str, str]]:
    settings = load_settings()
    console = Console(stderr=True)
    # Beside a terminal the bar would leave an empty line behind.
    steps = track(
        delivery_ids,
        description="replaying",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    async with open_store(settings) as database:
        made = [(one, await database.transaction(_replay_one(one))) for one in steps]
    await _wake(settings)
    return made


def _replay_one(delivery_id: str) -> Work[str]:
    async def work(tx: Transaction) -> str:
        tenant = await _tenant(tx, delivery_id)
        await lock_tenants(tx, [tenant])
        return await delivery.replay(tx, tenant, delivery_id, now_us=SystemClock().now_us())

    return work


async def _wake(settings: Settings) -> None:
    """Tells the workers, through Redis or the database."""
    link = RedisLink(redis_url(settings))
    async with open_store(settings) as database:
        queue = Queue(link, SystemClock(), otherwise=database.send_hints)
        await queue.wake()
        await queue.aclose()
    await link.aclose()


async def _tenant(tx: Transaction, delivery_id: str) -> Tenant:
    """Whose delivery it is; the operator need not say."""
    row = await tx.fetch_one(
        "SELECT account_id, environment FROM deliveries WHERE id = :id", id=delivery_id
    )
    if row is None:
        raise NotFound("Delivery")
    return Tenant(row["account_id"], row["environment"])
