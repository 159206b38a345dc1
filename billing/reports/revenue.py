"""Report payments and refunds by month, changes in customers' credit, and top-up margins.

A month's opening balance plus its columns equals its closing balance, to the micro.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from billing.ledger.chart import PAID_GRANT, Code, LedgerAccountKind as Kind
from billing.orders.refund import LISTED, read_row, returned_of
from kernel.clock import DAY_US, SECOND_US
from kernel.fields import said
from kernel.shaped import SIGNED
from store.database import Database, Row, Transaction
from store.statement import unindexed

RevenueKey = tuple[str, str, str]


class RevenuePeriod(NamedTuple):
    environment: str
    since: int
    until: int


def month_of(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC).strftime("%Y-%m")


async def money_back(tx: Transaction, period: RevenuePeriod) -> dict[RevenueKey, int]:
    """Add up refunds by the month in which they were reported.

    Some providers report only a growing total. That total is counted in the month of its first report.
    """
    sums: dict[RevenueKey, int] = {}
    for text in (_OF_ORDERS, _OF_PERIODS):
        rows = await tx.fetch(
            text, environment=period.environment, since=period.since, until=period.until
        )
        for _, of_one in groupby(rows, key=lambda row: str(row["owner_id"])):
            _add(sums, list(of_one), period)
    return {key: amount for key, amount in sums.items() if amount}


def _add(sums: dict[RevenueKey, int], rows: Sequence[Row], period: RevenuePeriod) -> None:
    first = rows[0]
    told = [read_row(row) for row in rows]
    # Count single refunds before a provider's reported total, which then adds only the rest.
    told.sort(key=lambda one: (one.kind == "refund", one.created_at, one.key))
    before = 0
    for count, one in enumerate(told, 1):
        gone = returned_of(told[:count], first["paid"])
        if period.since <= one.created_at < period.until:
            key = (month_of(one.created_at // DAY_US), first["provider"], first["currency"])
            sums[key] = sums.get(key, 0) + gone - before
        before = gone


_LISTED: Final = ", ".join(f"r.{name.strip()}" for name in LISTED.split(","))
_OF_ORDERS: Final = f"""
SELECT r.order_id AS owner_id, {_LISTED}, o.provider,
    COALESCE(o.paid_currency, o.pay_currency) AS currency,
    COALESCE(o.paid_amount, o.pay_amount) AS paid
FROM order_reversals r JOIN orders o ON o.id = r.order_id
WHERE o.paid_at IS NOT NULL AND o.kind <> 'subscription' AND r.order_id IN (
    SELECT order_id FROM order_reversals
    WHERE environment = :environment AND created_at >= :since AND created_at < :until)
ORDER BY r.order_id
"""
_OF_PERIODS: Final = f"""
SELECT r.period_id AS owner_id, {_LISTED}, s.provider, p.currency, p.amount AS paid
FROM period_reversals r
JOIN subscription_periods p ON p.id = r.period_id
JOIN subscriptions s ON s.id = p.subscription_id
WHERE r.period_id IN (
    SELECT period_id FROM period_reversals
    WHERE environment = :environment AND created_at >= :since AND created_at < :until)
ORDER BY r.period_id
"""


READ_AT_ONCE: Final = 20_000
_END: Final = "~"


class RevenueLine(msgspec.Struct, frozen=True, kw_only=True):
    """Payments in one UTC month, by the time of payment."""

    month: Annotated[str, Meta(description="The UTC month, such as 2026-06.")]
    provider: str
    currency: str
    payments: Annotated[int, Meta(description="The number of payments.")]
    paid: Annotated[
        int,
        Meta(description="The amount paid, in the currency's smallest unit."),
        said(unit="minor"),
    ]
    refunded: Annotated[
        int,
        Meta(description="The part of these payments that was refunded or disputed so far."),
        said("Returned of these", unit="minor"),
    ]
    refunded_in_month: Annotated[
        int,
        Meta(
            description="The amount refunded or disputed in this month, for payments of any month."
        ),
        said("Returned this month", unit="minor"),
    ]
    net: Annotated[
        int,
        Meta(extra_json_schema=SIGNED, description="The payments minus refunds and disputes."),
        said("Net", unit="minor"),
    ]
    fee: Annotated[
        int,
        Meta(extra_json_schema=SIGNED, description="The provider's fees, if it reports them."),
        said("Provider fees", unit="minor"),
    ]
    fees_known: Annotated[int, Meta(description="The number of payments whose fee is known.")]


def _micros(what: str) -> Meta:
    return Meta(extra_json_schema=SIGNED, description=f"{what}, in millionths of a US dollar.")


class OutstandingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One month's changes in the credit that all customers hold in wallets, grants and holds."""

    month: Annotated[str, Meta(description="The UTC month, such as 2026-06.")]
    opening_micros: Annotated[int, _micros("Credit held before the month"), said("Opening balance")]
    sold_micros: Annotated[int, _micros("Credit sold for money")]
    granted_micros: Annotated[int, _micros("Credit granted"), said("Granted")]
    reversed_micros: Annotated[
        int, _micros("Credit taken back after refunds and disputes"), said("Taken back")
    ]
    used_micros: Annotated[int, _micros("Credit used")]
    breakage_micros: Annotated[int, _micros("Paid credit of plans that expired unused")]
    expired_micros: Annotated[int, _micros("Granted credit that expired unused")]
    withdrawn_micros: Annotated[int, _micros("Credit that operators withdrew")]
    debts_micros: Annotated[int, _micros("Debts paid or made")]
    closing_micros: Annotated[
        int, _micros("Credit held at the month's end"), said("Closing balance")
    ]


async def revenue_lines(database: Database, period: RevenuePeriod) -> Sequence[RevenueLine]:
    async def work(tx: Transaction) -> dict[RevenueKey, list[int]]:
        sums: dict[RevenueKey, list[int]] = {}
        for text in (_ORDERS, _PERIODS, _MACHINES):
            rows = await tx.fetch(
                text, environment=period.environment, since=period.since, until=period.until
            )
            for row in rows:
                key = (month_of(row["day"]), row["provider"], row["currency"])
                added = [int(row[name] or 0) for name in _SUMMED]
                before = sums.get(key, [0] * len(added))
                sums[key] = [sum(pair) for pair in zip(before, added, strict=True)]
        return sums

    sums = await database.read(work)
    back = await database.read(lambda tx: money_back(tx, period))
    nothing = [0] * len(_SUMMED)
    return [
        _revenue_line(key, sums.get(key, nothing), back.get(key, 0))
        for key in sorted({*sums, *back})
    ]


async def credit_lines(
    database: Database, period: RevenuePeriod, *, read_at_once: int = READ_AT_ONCE
) -> Sequence[OutstandingLine]:
    moved: dict[str, dict[str, int]] = {}
    after_id = ""

    async def work(tx: Transaction) -> str:
        last_id = await _last_id(tx, after_id, read_at_once)
        rows = await tx.fetch(
            _MOVED,
            environment=period.environment,
            until=period.until,
            after_id=after_id,
            last_id=last_id,
        )
        for row in rows:
            moves = _moves(_moved(row), int(row["micros"]))
            for column, micros in moves.items():
                of_month = moved.setdefault(month_of(row["day"]), {})
                of_month[column] = of_month.get(column, 0) + micros
        return last_id

    while after_id != _END:
        after_id = await database.read(work)
    first = month_of(period.since // DAY_US)
    lines, opening = [], 0
    for month in sorted(moved):
        line = _credit_line(month, opening, moved[month])
        opening = line.closing_micros
        if month >= first:
            lines.append(line)
    return lines


def _revenue_line(key: RevenueKey, sums: Sequence[int], back: int) -> RevenueLine:
    payments, paid, refunded, fee, fees_known = sums
    return RevenueLine(
        month=key[0],
        provider=key[1],
        currency=key[2],
        payments=payments,
        paid=paid,
        refunded=refunded,
        refunded_in_month=back,
        net=paid - refunded,
        fee=fee,
        fees_known=fees_known,
    )


def _credit_line(month: str, opening: int, columns: Mapping[str, int]) -> OutstandingLine:
    values = {f"{name}_micros": columns.get(name, 0) for name in _COLUMNS}
    closing = opening + sum(values.values())
    return msgspec.convert(
        {"month": month, "opening_micros": opening, **values, "closing_micros": closing},
        OutstandingLine,
    )


class _Moved(NamedTuple):
    debit: str
    credit: str
    code: str
    is_paid: bool


def _moved(row: Row) -> _Moved:
    return _Moved(row["debit_kind"], row["credit_kind"], row["code"], row["is_paid"] == 1)


def _moves(moved: _Moved, micros: int) -> Mapping[str, int]:
    sides = {moved.debit, moved.credit}
    if sides == {Kind.EXPIRED, Kind.PROVIDER}:
        # Refunding expired credit changes nobody's credit. Neither does winning a dispute about it.
        back = micros if moved.debit == Kind.EXPIRED else -micros
        return {"breakage": back, "reversed": -back}
    is_from, is_to = moved.debit in _HELD, moved.credit in _HELD
    if is_from == is_to:
        return {}
    signed = micros if is_to else -micros
    other = moved.credit if is_from else moved.debit
    if other == Kind.EXPIRED:
        return {"breakage" if moved.is_paid else "expired": signed}
    is_back = is_from and other in (Kind.PROVIDER, Kind.PROMOTION)
    if is_back or moved.code == Code.REVERSAL_UNDONE:
        return {"reversed": signed}
    return {_OTHER_SIDE[other]: signed}


async def _last_id(tx: Transaction, after_id: str, rows: int) -> str:
    row = await tx.fetch_one(
        "SELECT id FROM transfers WHERE id > :after_id ORDER BY id LIMIT 1 OFFSET :rows",
        after_id=after_id,
        rows=rows - 1,
    )
    return _END if row is None else str(row["id"])


_HELD: Final = frozenset({Kind.WALLET, Kind.GRANT, Kind.HELD})
_COLUMNS: Final = (
    "sold",
    "granted",
    "reversed",
    "used",
    "breakage",
    "expired",
    "withdrawn",
    "debts",
)
_OTHER_SIDE: Final[Mapping[str, str]] = {
    **dict.fromkeys(Kind, "used"),
    Kind.PROVIDER: "sold",
    **dict.fromkeys(
        (Kind.PROMOTION, Kind.CODES, Kind.MANUAL, Kind.TEST_CREDIT, Kind.TRANSIT_IN), "granted"
    ),
    Kind.WITHDRAWN: "withdrawn",
    Kind.OWED: "debts",
}
_SUMMED: Final = ("payments", "paid", "refunded", "fee", "fees_known")
_FEES: Final = """SUM(CASE WHEN f.currency = {currency} THEN f.amount ELSE 0 END) AS fee,
    SUM(CASE WHEN f.currency = {currency} THEN 1 ELSE 0 END) AS fees_known"""
_ORDERS: Final = f"""
SELECT o.paid_at / {DAY_US} AS day, o.provider,
    COALESCE(o.paid_currency, o.pay_currency) AS currency, COUNT(*) AS payments,
    SUM(COALESCE(o.paid_amount, o.pay_amount)) AS paid, SUM(o.refunded_amount) AS refunded,
    {_FEES.format(currency="COALESCE(o.paid_currency, o.pay_currency)")}
FROM orders o LEFT JOIN payment_fees f ON f.owner_id = o.id
WHERE o.environment = :environment AND o.paid_at >= :since AND o.paid_at < :until
  AND o.kind <> 'subscription' AND COALESCE(o.paid_amount, o.pay_amount) > 0
GROUP BY o.paid_at / {DAY_US}, o.provider, COALESCE(o.paid_currency, o.pay_currency)
"""
_PERIODS: Final = f"""
SELECT p.created_at / {DAY_US} AS day, s.provider, p.currency, COUNT(*) AS payments,
    SUM(p.amount) AS paid, SUM(p.refunded_amount) AS refunded, {_FEES.format(currency="p.currency")}
FROM subscription_periods p
JOIN subscriptions s ON s.id = p.subscription_id
LEFT JOIN payment_fees f ON f.owner_id = p.id
WHERE p.environment = :environment AND p.created_at >= :since AND p.created_at < :until
  AND p.amount > 0
GROUP BY p.created_at / {DAY_US}, s.provider, p.currency
"""
# If a machine payment's top-up can't be delivered, the payer gets a code instead of a refund.
_MACHINES: Final = f"""
SELECT p.settled_at / {DAY_US} AS day,
    CASE WHEN p.protocol = 'x402' THEN p.protocol ELSE p.network END AS provider, 'USD' AS currency,
    COUNT(*) AS payments, SUM(p.charged_cents) AS paid, 0 AS refunded,
    {_FEES.format(currency="'USD'")}
FROM machine_payments p LEFT JOIN payment_fees f ON f.owner_id = p.id
WHERE p.environment = :environment AND p.settled_at >= :since AND p.settled_at < :until
GROUP BY p.settled_at / {DAY_US}, CASE WHEN p.protocol = 'x402' THEN p.protocol ELSE p.network END
"""
_IS_PAID: Final = f"""CASE WHEN '{PAID_GRANT}' IN (
        SUBSTR(d.name, 1, {len(PAID_GRANT)}), SUBSTR(c.name, 1, {len(PAID_GRANT)})
    ) THEN 1 ELSE 0 END"""
_MOVED: Final = f"""
SELECT day, debit_kind, credit_kind, code, is_paid, SUM(micros) AS micros FROM (
    SELECT t.created_at / {DAY_US} AS day, d.kind AS debit_kind, c.kind AS credit_kind, t.code,
        {_IS_PAID} AS is_paid, t.amount_micros AS micros
    FROM transfers t
    JOIN ledger_accounts d ON d.id = t.debit_id
    JOIN ledger_accounts c ON c.id = t.credit_id
    WHERE t.environment = :environment AND t.created_at < :until
      AND t.id > :after_id AND t.id <= :last_id) AS m
GROUP BY day, debit_kind, credit_kind, code, is_paid
"""


MarginBy = Literal["day", "platform", "supplier", "account"]
MARGIN_BY: Final[tuple[MarginBy, ...]] = ("day", "platform", "supplier", "account")
# There is no supplier if a top-up goes to a wallet of this installation.
_NOBODY: Final = "wallet"


class MarginLine(msgspec.Struct, frozen=True, kw_only=True):
    """The delivered top-ups in one group, in US cents. Fields by which the report isn't grouped are null."""

    day: Annotated[str | None, Meta(description="The UTC day of the delivery.")]
    platform: str | None
    supplier: str | None
    account: Annotated[str | None, Meta(description="The account's ID.")]
    topups: Annotated[int, Meta(description="The number of delivered top-ups.")]
    amount_cents: int
    fee_cents: Annotated[int, Meta(description="The fees of these top-ups.")]
    charged_cents: Annotated[int, Meta(description="Amounts plus fees.")]
    cost_cents: Annotated[int, Meta(description="Suppliers' costs, if known.")]
    margin_cents: Annotated[
        int, Meta(description="Charges minus costs, for top-ups with a known cost.")
    ]
    without_cost: Annotated[int, Meta(description="The number of top-ups without a known cost.")]


class MarginPeriod(NamedTuple):
    environment: str
    since: int
    until: int
    platform: str | None = None


async def margin_lines(
    database: Database,
    period: MarginPeriod,
    *,
    by: Sequence[MarginBy],
    read_at_once: int = READ_AT_ONCE,
) -> Sequence[MarginLine]:
    sums: dict[tuple[int | str, ...], list[int]] = {}
    after_id = ""

    async def work(tx: Transaction) -> str:
        last_id = await _last_topup(tx, period, after_id, read_at_once)
        await _add_margin(tx, period, by, (after_id, last_id), sums)
        return last_id

    while after_id != _END:
        after_id = await database.read(work)
    return [_margin_line(dict(zip(by, key, strict=True)), sums[key]) for key in sorted(sums)]


async def _last_topup(tx: Transaction, period: MarginPeriod, after_id: str, rows: int) -> str:
    """Return the next step's last ID, or _END if this step is the last one for the period."""
    row = await tx.fetch_one(
        "SELECT id, created_at FROM topups WHERE id > :after_id ORDER BY id LIMIT 1 OFFSET :rows",
        after_id=after_id,
        rows=rows - 1,
    )
    return _END if row is None or row["created_at"] >= period.until else str(row["id"])


async def _add_margin(
    tx: Transaction,
    period: MarginPeriod,
    by: Sequence[MarginBy],
    between: tuple[str, str],
    sums: dict[tuple[int | str, ...], list[int]],
) -> None:
    columns = [_MARGIN_GROUPS[one] for one in by]
    listed = "".join(f"{text}, " for text in columns)
    grouped = f"GROUP BY {', '.join(columns)}" if by else ""
    only = "" if period.platform is None else "AND p.platform = :platform"
    named = {} if period.platform is None else {"platform": period.platform}
    rows = await tx.fetch(
        f"SELECT {listed} {_MARGIN_SUMS} {only} {grouped}",
        environment=period.environment,
        since=period.since,
        until=period.until,
        after_id=between[0],
        last_id=between[1],
        **named,
    )
    for row in rows:
        found = [int(one or 0) for one in tuple(row)[len(by) :]]
        if found[0]:
            key = tuple(row)[: len(by)]
            before = sums.get(key, [0] * len(found))
            sums[key] = [sum(pair) for pair in zip(before, found, strict=True)]


def _margin_line(groups: Mapping[MarginBy, int | str], sums: Sequence[int]) -> MarginLine:
    topups, amount_cents, fee_cents, cost_cents, known_cents, without_cost = sums
    named: dict[str, object] = {name: groups.get(name) for name in MARGIN_BY}
    day = named["day"]
    if isinstance(day, int):
        named["day"] = datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC).date().isoformat()
    return msgspec.convert(
        {
            **named,
            "topups": topups,
            "amount_cents": amount_cents,
            "fee_cents": fee_cents,
            "charged_cents": amount_cents + fee_cents,
            "cost_cents": cost_cents,
            "margin_cents": known_cents - cost_cents,
            "without_cost": without_cost,
        },
        MarginLine,
    )


_MARGIN_GROUPS: Final = {
    "day": f"p.settled_at / {DAY_US}",
    "platform": "p.platform",
    "supplier": f"COALESCE(p.supplier, '{_NOBODY}')",
    # If an index were used here, each step in SQLite would read all accounts.
    "account": unindexed("p.account_id"),
}
# A top-up that is being reversed is still treated as delivered.
_MARGIN_SUMS: Final = """
    COUNT(*), SUM(p.amount_cents), SUM(p.earned_fee_cents), SUM(a.cost_cents),
    SUM(CASE WHEN a.cost_cents IS NOT NULL
        THEN p.amount_cents + COALESCE(p.earned_fee_cents, 0) END),
    SUM(CASE WHEN a.cost_cents IS NULL THEN 1 ELSE 0 END)
FROM topups p
LEFT JOIN fulfilment_attempts a ON a.transaction_id = p.id AND a.outcome = 'delivered'
WHERE p.id > :after_id AND p.id <= :last_id
  AND p.environment = :environment AND p.status IN ('delivered', 'reversing')
  AND p.settled_at >= :since AND p.settled_at < :until
"""
