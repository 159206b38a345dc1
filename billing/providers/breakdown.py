"""Store a payment's tax and discounts for receipts, as the provider first reported them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from store.database import Transaction

TAXES_MAX = 8
NAME_CHARACTERS_MAX = 60
PaymentKey = tuple[str, str, str]  # provider, environment, payment


class TaxPart(msgspec.Struct, frozen=True):
    name: str
    amount: int
    is_included: bool = False


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """A payment's total and its parts. `subtotal` is the amount before discounts and added tax, and `total` is the
    amount charged. `from_balance` came from the customer's balance at the provider.
    """

    subtotal: int
    total: int
    discount: int = 0
    taxes: tuple[TaxPart, ...] = ()
    from_balance: int = 0

    @property
    def says_nothing(self) -> bool:
        return not (self.taxes or self.discount or self.from_balance or self.subtotal != self.total)


def taxes_of(parts: Iterable[TaxPart]) -> tuple[TaxPart, ...]:
    kept = [one for one in parts if one.amount]
    cut = [
        TaxPart(one.name[:NAME_CHARACTERS_MAX], one.amount, one.is_included)
        for one in kept[:TAXES_MAX]
    ]
    for rest in kept[TAXES_MAX:]:
        last = cut[-1]
        cut[-1] = TaxPart(last.name, last.amount + rest.amount, last.is_included)
    return tuple(cut)


async def save(
    tx: Transaction, payments: Iterable[tuple[PaymentKey, Breakdown]], *, now_us: int
) -> None:
    await tx.insert(
        "payment_breakdowns",
        ("provider", "environment", "payment_id", "breakdown", "created_at"),
        [(*key, _encode(told).decode(), now_us) for key, told in sorted(payments, key=_first)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def load(tx: Transaction, keys: Iterable[PaymentKey]) -> dict[PaymentKey, Breakdown]:
    return {key: told for key, (told, _) in (await load_dated(tx, keys)).items()}


async def load_dated(
    tx: Transaction, keys: Iterable[PaymentKey]
) -> dict[PaymentKey, tuple[Breakdown, int]]:
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = await tx.fetch(
        """SELECT b.provider, b.environment, b.payment_id, b.breakdown, b.created_at
           FROM :keys[provider text, environment text, payment_id text] AS v
           CROSS JOIN payment_breakdowns b
           WHERE b.provider = v.provider AND b.environment = v.environment
             AND b.payment_id = v.payment_id""",
        keys=wanted,
    )
    return {(row[0], row[1], row[2]): (_decode(row[3]), int(row[4])) for row in rows}


def _first(pair: tuple[PaymentKey, Any]) -> PaymentKey:
    return pair[0]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Breakdown).decode
