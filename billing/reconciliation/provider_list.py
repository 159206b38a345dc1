"""A provider's own list of payments beside ours: every difference of a time, named.

Promise: nothing is changed. A payment of theirs is looked for by every id it has; one of ours by its
own. What was paid near the ends of the time is looked for a day further, since two clocks are compared.
A payment that names no order of this gateway, of a customer that it does not know, is another's: an
account at a provider may serve several shops. A list that is too long is refused, never cut.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from billing.ledger.price import Price
from billing.payments import fees
from billing.payments.fees import PaymentFee
from billing.providers.abilities.listing import ListedPayment, Listing
from kernel.clock import DAY_US
from kernel.errors import InvalidInput
from store.database import Database, Row, Transaction

ListDifferenceKind = Literal[
    "missing_here", "not_ours", "missing_there", "amount", "currency", "status", "refunded", "fee"
]
# A list without an end would never be compared; what is in memory at once has an end too.
PAGES_MAX: Final = 10_000
PAYMENTS_MAX: Final = 200_000
_AT_ONCE: Final = 500
_ORDER_PREFIX: Final = "ord_"

# What a person presses for each.
_PRESS: Final[Mapping[str, str]] = {
    "missing_here": "send the provider's event again from its dashboard; if it is no order of this"
    " gateway, nothing",
    "not_ours": "nothing, where another shop uses this account; else look it up at the provider",
    "missing_there": "look the payment up at the provider by its id; was it made with other keys?",
    "amount": "topup orders show {owner}, then refund what was paid too much or adjust the credit",
    "currency": "topup orders show {owner}, and compare it with the provider's page",
    "status": "topup orders show {owner}; the provider's event can be sent again from its dashboard",
    "refunded": "send the refund's or dispute's event again from the provider's dashboard",
    "fee": "topup reconcile {provider} with --keep-fees writes what the provider says now",
}


@dataclass(frozen=True, slots=True)
class OwnPayment:
    """One of ours: an order or a period. gone: refunded or disputed, in the price's currency.

    is_paid: it was credited. paid_at: microseconds, by our clock.
    """

    owner_id: str
    account_id: str
    payment_id: str
    price: Price
    gone: int
    is_paid: bool
    paid_at: int


@dataclass(frozen=True, slots=True)
class ListDifference:
    """here, there: what each side says, in words; press: what a person does about it."""

    kind: ListDifferenceKind
    payment_id: str
    owner_id: str
    account_id: str
    here: str
    there: str
    press: str


@dataclass(frozen=True, slots=True)
class Compared:
    """payments: how many were compared; others: paid ones that are not of this gateway, not counted;
    fees: what the provider kept, of those that are ours.
    """

    payments: int
    differences: Sequence[ListDifference]
    others: Sequence[ListDifference]
    fees: Sequence[PaymentFee]


async def compare(
    database: Database,
    listing: Listing,
    *,
    provider: str,
    environment: str,
    since: int,
    until: int,
    now_us: int,
    pages_max: int = PAGES_MAX,
) -> Compared:
    """Payments with since <= time < until (microseconds) on either side.

    Raises InvalidInput where the list is too long, ProviderUnavailable and ProviderRefused; what was
    read by then is lost.
    """
    there = await _listed(listing, since - DAY_US, until + DAY_US, pages_max)
    place = (provider, environment)
    matched = await _matched(database, place, there.values())
    ours = await database.read(lambda tx: _paid_between(tx, place, since, until))
    found: dict[str, list[ListedPayment]] = {}
    lost: list[ListedPayment] = []
    for one in there.values():
        owner = matched.get(one.payment_id)
        if owner is not None:
            found.setdefault(owner, []).append(one)
        elif one.status == "paid" and since <= one.created_at < until:
            lost.append(one)
    wanted = set(found) | {one.owner_id for one in ours}
    own = await _own(database, wanted)
    kept = await _kept_fees(database, wanted)
    pairs = [(own[owner], _main(listed)) for owner, listed in sorted(found.items()) if owner in own]
    customers = await _known_customers(database, place, lost)
    others = [one for one in lost if not _is_of_us(one, customers)]
    lost = [one for one in lost if _is_of_us(one, customers)]
    differences = [_only_there(one, "missing_here") for one in lost]
    differences += [_missing_there(one, provider) for one in ours if one.owner_id not in found]
    for mine, theirs in pairs:
        differences += _between(mine, theirs, kept.get(mine.owner_id), provider)
    told = [
        PaymentFee(
            owner_id=mine.owner_id,
            account_id=mine.account_id,
            environment=environment,
            provider=provider,
            payment_id=theirs.payment_id,
            amount=theirs.fee.amount,
            currency=theirs.fee.currency,
            paid_at=theirs.created_at,
            kept_at=now_us,
        )
        for mine, theirs in pairs
        if theirs.fee is not None and theirs.status == "paid"
    ]
    told_others = [_only_there(one, "not_ours") for one in others]
    return Compared(len(pairs) + len(lost), differences, told_others, told)


async def _listed(
    listing: Listing, since: int, until: int, pages_max: int
) -> dict[str, ListedPayment]:
    """All of them, once each; raises InvalidInput where there are more than can be compared."""
    found: dict[str, ListedPayment] = {}
    cursor: str | None = None
    for _ in range(pages_max):
        page = await listing.list_payments(since, until, cursor)
        found |= {one.payment_id: one for one in page.payments}
        cursor = page.next_cursor
        if len(found) > PAYMENTS_MAX:
            break
        if cursor is None:
            return found
    raise InvalidInput(
        f"nothing was compared: the provider's list has more than {pages_max:,} pages or"
        f" {PAYMENTS_MAX:,} payments; take a shorter time",
        param="from",
    )


def _is_of_us(one: ListedPayment, customers: Collection[str]) -> bool:
    """It names an order as ours are named, or its payer has paid us."""
    return (one.order_id or "").startswith(_ORDER_PREFIX) or one.customer_ref in customers


async def _known_customers(
    database: Database, place: tuple[str, str], listed: Iterable[ListedPayment]
) -> set[str]:
    """Those of the payers that paid for something of ours."""
    refs = sorted({one.customer_ref for one in listed if one.customer_ref})
    found: set[str] = set()
    for start in range(0, len(refs), _AT_ONCE):
        rows = await database.read(
            lambda tx, part=refs[start : start + _AT_ONCE]: tx.fetch(  # type: ignore[misc]
                _CUSTOMERS, provider=place[0], environment=place[1], refs=part
            )
        )
        found |= {row["customer_ref"] for row in rows}
    return found


def _main(listed: Sequence[ListedPayment]) -> ListedPayment:
    """Of several tries to pay one order the one that was paid."""
    return max(listed, key=lambda one: (one.status == "paid", one.created_at))


def _between(
    mine: OwnPayment, theirs: ListedPayment, kept: PaymentFee | None, provider: str
) -> list[ListDifference]:
    is_paid_there = theirs.status == "paid"
    gone_there = min(theirs.refunded + theirs.disputed, theirs.price.amount)
    fee_there = theirs.fee
    said: list[tuple[ListDifferenceKind, str, str]] = []
    if mine.is_paid != is_paid_there:
        said.append(("status", "paid" if mine.is_paid else "not paid", theirs.status))
    elif mine.is_paid and mine.price.currency != theirs.price.currency:
        said.append(("currency", _words(mine.price), _words(theirs.price)))
    elif mine.is_paid and mine.price != theirs.price:
        said.append(("amount", _words(mine.price), _words(theirs.price)))
    elif mine.is_paid and mine.gone != gone_there:
        currency = mine.price.currency
        pair = [_words(Price(amount, currency)) for amount in (mine.gone, gone_there)]
        said.append(("refunded", *pair))  # type: ignore[arg-type]
    if kept is not None and fee_there is not None:
        fee_here = Price(kept.amount, kept.currency)
        if fee_here != fee_there:
            said.append(("fee", _words(fee_here), _words(fee_there)))
    return [
        ListDifference(
            kind,
            theirs.payment_id,
            mine.owner_id,
            mine.account_id,
            here,
            there,
            _PRESS[kind].format(owner=mine.owner_id, provider=provider),
        )
        for kind, here, there in said
    ]


def _only_there(one: ListedPayment, kind: ListDifferenceKind) -> ListDifference:
    owner = one.order_id or ""
    there = _words(one.price)
    return ListDifference(kind, one.payment_id, owner, "", "nothing", there, _PRESS[kind])


def _missing_there(one: OwnPayment, provider: str) -> ListDifference:
    press = _PRESS["missing_there"].format(owner=one.owner_id, provider=provider)
    here = _words(one.price)
    return ListDifference(
        "missing_there", one.payment_id, one.owner_id, one.account_id, here, "nothing", press
    )


def _words(price: Price) -> str:
    return f"{price.decimal()} {price.currency}"


async def _matched(
    database: Database, place: tuple[str, str], listed: Iterable[ListedPayment]
) -> dict[str, str]:
    """Payments of theirs, and the orders and periods of ours that they are of."""
    waiting = list(listed)
    found: dict[str, str] = {}
    for start in range(0, len(waiting), _AT_ONCE):
        part = waiting[start : start + _AT_ONCE]
        owners = await database.read(lambda tx, part=part: _owners(tx, place, part))  # type: ignore[misc]
        for one in part:
            ids = (one.order_id, *one.objects)
            owner = next((owners[name] for name in ids if name in owners), None)
            if owner is not None:
                found[one.payment_id] = owner
    return found


async def _owners(
    tx: Transaction, place: tuple[str, str], part: Sequence[ListedPayment]
) -> dict[str, str]:
    """Ids of theirs with the order or period of ours; a period wins over its plan's order."""
    ids = sorted({name for one in part for name in one.objects})
    values = {"provider": place[0], "environment": place[1]}
    linked = await tx.fetch(_LINKED, ids=ids, **values)
    also = {row["object_id"]: row["linked_id"] for row in linked}
    also |= {row["linked_id"]: row["object_id"] for row in linked if row["linked_id"] in ids}
    known = sorted({*ids, *also.keys(), *also.values()})
    order_ids = sorted({one.order_id for one in part if one.order_id})
    found = {
        row["object_id"]: row["owner_id"]
        for row in await tx.fetch(_OWNERS, ids=known, order_ids=order_ids, **values)
    }
    found |= {
        row["object_id"]: row["owner_id"] for row in await tx.fetch(_PERIODS, ids=known, **values)
    }
    return found | {
        name: found[other] for name, other in also.items() if name not in found and other in found
    }


async def _paid_between(
    tx: Transaction, place: tuple[str, str], since: int, until: int
) -> list[OwnPayment]:
    values = {"provider": place[0], "environment": place[1], "since": since, "until": until}
    rows = [*await tx.fetch(_OURS, **values), *await tx.fetch(_OUR_PERIODS, **values)]
    return [_own_of(row) for row in rows]


async def _own(database: Database, ids: Iterable[str]) -> dict[str, OwnPayment]:
    waiting, found = sorted(ids), dict[str, OwnPayment]()
    for start in range(0, len(waiting), _AT_ONCE):
        part = waiting[start : start + _AT_ONCE]
        for text in (_BY_ID, _PERIODS_BY_ID):
            rows = await database.read(
                lambda tx, text=text, part=part: tx.fetch(text, ids=part)  # type: ignore[misc]
            )
            found |= {row["owner_id"]: _own_of(row) for row in rows}
    return found


async def _kept_fees(database: Database, ids: Iterable[str]) -> dict[str, PaymentFee]:
    waiting, found = sorted(ids), dict[str, PaymentFee]()
    for start in range(0, len(waiting), _AT_ONCE):
        part = waiting[start : start + _AT_ONCE]
        found |= await database.read(lambda tx, part=part: fees.load(tx, part))  # type: ignore[misc]
    return found


def _own_of(row: Row) -> OwnPayment:
    return OwnPayment(
        row["owner_id"],
        row["account_id"],
        row["payment_id"] or "",
        Price(row["amount"], row["currency"]),
        row["gone"],
        row["paid_at"] is not None,
        row["paid_at"] or 0,
    )


_COLUMNS: Final = """o.id AS owner_id, o.account_id, o.payment_id,
    COALESCE(o.paid_amount, o.pay_amount) AS amount,
    COALESCE(o.paid_currency, o.pay_currency) AS currency, o.refunded_amount AS gone, o.paid_at"""
_PERIOD_COLUMNS: Final = """p.id AS owner_id, p.account_id, p.invoice_id AS payment_id, p.amount,
    p.currency, p.refunded_amount AS gone, p.created_at AS paid_at"""
_OURS: Final = f"""
SELECT {_COLUMNS} FROM orders o
WHERE o.environment = :environment AND o.provider = :provider AND o.kind <> 'subscription'
  AND o.is_stand_in = 0 AND o.paid_at >= :since AND o.paid_at < :until
  AND COALESCE(o.paid_amount, o.pay_amount) > 0
"""
_OUR_PERIODS: Final = f"""
SELECT {_PERIOD_COLUMNS} FROM subscription_periods p
JOIN subscriptions s ON s.id = p.subscription_id
WHERE p.environment = :environment AND s.provider = :provider AND s.is_stand_in = 0
  AND p.created_at >= :since AND p.created_at < :until AND p.amount > 0
"""
_BY_ID: Final = f"SELECT {_COLUMNS} FROM orders o WHERE o.id IN :ids[text]"
_PERIODS_BY_ID: Final = (
    f"SELECT {_PERIOD_COLUMNS} FROM subscription_periods p WHERE p.id IN :ids[text]"
)
_LINKED: Final = """
SELECT object_id, linked_id FROM provider_links
WHERE provider = :provider AND environment = :environment AND object_id IN :ids[text]
UNION
SELECT object_id, linked_id FROM provider_links
WHERE provider = :provider AND environment = :environment AND linked_id IN :ids[text]
"""
_OWNERS: Final = """
SELECT k.object_id, k.order_id AS owner_id FROM provider_objects k
JOIN orders o ON o.id = k.order_id AND o.kind <> 'subscription'
WHERE k.provider = :provider AND k.environment = :environment AND k.object_id IN :ids[text]
UNION
SELECT o.id AS object_id, o.id AS owner_id FROM orders o
WHERE o.provider = :provider AND o.environment = :environment AND o.kind <> 'subscription'
  AND o.id IN :order_ids[text]
"""
_PERIODS: Final = """
SELECT k.object_id, p.id AS owner_id FROM subscription_objects k
JOIN subscription_periods p ON p.subscription_id = k.subscription_id
  AND p.period_start_at = k.period_start_at
WHERE k.provider = :provider AND k.environment = :environment AND k.object_id IN :ids[text]
"""
_CUSTOMERS: Final = """
SELECT customer_ref FROM provider_customers
WHERE provider = :provider AND environment = :environment AND customer_ref IN :refs[text]
UNION
SELECT customer_ref FROM subscriptions
WHERE provider = :provider AND environment = :environment AND customer_ref IN :refs[text]
"""
