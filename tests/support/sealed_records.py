"""Rows of each kind that the record log seals, made at chosen times, and what seals and proves them."""

from typing import Any

from billing.checkpoints.proving import SealedDifference
from billing.records.head import RecordHead
from billing.records.proving import prove_records, unproved
from billing.records.sealing import RecordSealer
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, FixedClock
from kernel.ids import least_id
from store.database import Database, Transaction
from tests.support.sealing import DAY, VAULT, add_transfers, transfer_at

# The log begins with this day's first hour, and rows are made a little later.
BEGUN = DAY + HOUR_US
MADE = BEGUN + 10 * MINUTE_US
OWN = "acc_a"


def id_at(prefix: str, at_us: int, number: int = 0) -> str:
    return least_id(prefix, at_us)[:-4] + f"{number:04d}"


async def insert(database: Database, table: str, **fields: Any) -> None:
    async def work(tx: Transaction) -> None:
        await tx.insert(table, tuple(fields), [tuple(fields.values())])

    await database.transaction(work)


async def execute(database: Database, text: str, **values: Any) -> None:
    """A change by hand of exactly one row."""

    async def work(tx: Transaction) -> None:
        assert await tx.execute(text, **values) == 1, text

    await database.transaction(work)


async def add_event(database: Database, at_us: int, number: int = 0, **fields: Any) -> str:
    own = {
        "id": id_at("evt", at_us, number),
        "account_id": OWN,
        "environment": "live",
        "event_no": at_us // MINUTE_US * 10 + number,
        "type": "topup.delivered",
        "transaction_id": None,
        "body": b'{"amount_cents":500,"recipient_email":"to@example.com"}',
        "created_at": at_us,
    } | fields
    await insert(database, "events", **own)
    return str(own["id"])


async def add_audit(database: Database, at_us: int, number: int = 0, **fields: Any) -> str:
    own = {
        "id": id_at("adt", at_us, number),
        "environment": "live",
        "account_id": OWN,
        "actor": "cli",
        "action": "plan.create",
        "subject_id": "pln_1",
        "after": '{"price":500}',
        "created_at": at_us,
    } | fields
    await insert(database, "audit_log", **own)
    return str(own["id"])


async def add_delivery(
    database: Database, at_us: int, number: int = 0, *, status: str = "delivered", **fields: Any
) -> str:
    """With one attempt, but for one that is pending."""
    is_open = status in {"pending", "sending"}
    id_ = id_at("dlv", at_us, number)
    own = {
        "id": id_,
        "event_id": id_at("evt", at_us, number),
        "endpoint_id": "ep_1",
        "account_id": OWN,
        "environment": "live",
        "event_type": "topup.delivered",
        "status": status,
        "attempts_made": 0 if is_open else 1,
        "next_attempt_at": at_us if is_open else None,
        "created_at": at_us,
        "settled_at": None if is_open else at_us + 1,
    } | fields
    await insert(database, "deliveries", **own)
    if not is_open:
        await add_attempt(database, id_, at_us, account_id=str(own["account_id"]))
    return id_


async def add_attempt(database: Database, delivery_id: str, at_us: int, **fields: Any) -> None:
    own = {
        "delivery_id": delivery_id,
        "number": 1,
        "id": id_at("att", at_us),
        "account_id": OWN,
        "environment": "live",
        "started_at": at_us,
        "duration_us": 5,
        "http_status": 200,
        "timings_ms": "{}",
        "request_headers": "{}",
        "response_body": b"ok",
    } | fields
    await insert(database, "attempts", **own)


async def add_document(database: Database, at_us: int, number: int = 1) -> str:
    id_ = id_at("doc", at_us, number)
    await insert(
        database,
        "billing_documents",
        id=id_,
        account_id=OWN,
        environment="live",
        kind="receipt",
        series="R-2026",
        sequence=number,
        number=f"R-2026-{number}",
        subject_id="ord_1",
        order_id="ord_1",
        amount=500,
        currency="USD",
        facts='{"total":500}',
        dated_at=at_us,
        created_at=at_us,
    )
    return id_


async def add_adjustment(database: Database, at_us: int) -> str:
    id_ = id_at("adj", at_us)
    await insert(
        database,
        "credit_adjustments",
        id=id_,
        account_id=OWN,
        environment="live",
        credits=5,
        reason="a gift",
        is_promotional=0,
        created_at=at_us,
    )
    return id_


async def add_each(database: Database, at_us: int = MADE) -> dict[str, str]:
    """One row of each kind, and a failed delivery; returns their ids."""
    (transfer,) = await add_transfers(database, at_us)
    assert transfer == transfer_at(at_us)
    return {
        "transfer": transfer,
        "event": await add_event(database, at_us),
        "audit": await add_audit(database, at_us),
        "security": await add_audit(
            database, at_us, 1, is_security=1, action="key.create", environment=""
        ),
        "delivery": await add_delivery(database, at_us),
        "failed": await add_delivery(database, at_us, 1, status="failed"),
        "document": await add_document(database, at_us),
        "adjustment": await add_adjustment(database, at_us),
    }


def record_sealer(database: Database, at_us: int) -> RecordSealer:
    return RecordSealer(database, VAULT, FixedClock(at_us))


async def begin_log(database: Database, at_us: int = BEGUN) -> None:
    await seal_at(database, at_us)


async def seal_at(database: Database, at_us: int) -> RecordHead:
    return await record_sealer(database, at_us).seal()


async def record_findings(database: Database, since_day: int = 0) -> list[tuple[str, str]]:
    """Rule and row of each finding."""
    found: list[SealedDifference] = [
        one async for one in prove_records(database, since_day=since_day, vault=VAULT)
    ]
    return [(one.rule, one.row_id) for one in found]


async def unproved_rows(database: Database) -> dict[str, int]:
    return dict((await unproved(database)).rows)


NEXT_DAY = DAY + DAY_US
