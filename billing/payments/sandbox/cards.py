"""Simulate a provider that saves and charges cards in staging.

The test card decides the outcome of an order's charge, which never changes. The address of the page for saving a
card contains a secret of 192 bits.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    Declined,
    DeclineReason,
    SavedMethod,
    SavingRequest,
)
from billing.providers.protocol import Paid, ProviderRefused, Subject
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction

PATH: Final = "/sandbox/card"
TOKEN_BYTES: Final = 24
CARDS_MAX: Final = 20
_PAID: Final = "paid"


@dataclass(frozen=True, slots=True)
class TestCard:
    last4: str
    label: str
    charge: str


TEST_CARDS: Final[Mapping[str, TestCard]] = {
    "pays": TestCard("4242", "Each charge is paid", _PAID),
    "no_funds": TestCard("9995", "Each charge lacks funds", "insufficient_funds"),
    "declined": TestCard("0002", "Each charge is declined", "card_declined"),
    "asks": TestCard(
        "3155", "Each charge needs the payer's confirmation", "authentication_required"
    ),
}
_REASONS: Final = get_args(DeclineReason)


@dataclass(frozen=True, slots=True)
class SandboxCard:
    ref: str
    provider: str
    card: str | None
    success_url: str


class SandboxCards:
    def __init__(
        self, tenant: Tenant, provider: str, database: Database, clock: Clock, public_url: str
    ) -> None:
        self._tenant = tenant
        self._provider = provider
        self._database = database
        self._clock = clock
        self._public_url = public_url

    async def new_customer(self, key: str, email: str | None) -> str:  # noqa: ARG002 it knows nobody
        return sandbox_customer(self._tenant)

    async def save_page(self, request: SavingRequest) -> str:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = (
            new_id("pm"),
            *self._tenant,
            self._provider,
            token,
            request.success_url,
            self._clock.now_us(),
        )
        columns = (
            *("ref", "account_id", "environment", "provider", "token"),
            *("success_url", "created_at"),
        )
        await self._database.transaction(lambda tx: tx.insert("sandbox_cards", columns, [row]))
        return f"{self._public_url}{PATH}/{token}"

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:  # noqa: ARG002 the tenant's own
        rows = await self._database.read(
            lambda tx: tx.fetch(
                """SELECT ref, card FROM sandbox_cards
                   WHERE account_id = :account_id AND environment = :environment
                     AND provider = :provider AND card IS NOT NULL AND removed_at IS NULL
                   ORDER BY ref DESC LIMIT :limit""",
                account_id=self._tenant.account_id,
                environment=self._tenant.environment,
                provider=self._provider,
                limit=CARDS_MAX,
            )
        )
        return [SavedMethod(row["ref"], "visa", TEST_CARDS[row["card"]].last4) for row in rows]

    async def forget(self, method_ref: str) -> None:
        now_us = self._clock.now_us()

        async def work(tx: Transaction) -> int:
            return await tx.execute(
                """UPDATE sandbox_cards SET removed_at = :now_us
                   WHERE ref = :ref AND account_id = :account_id AND removed_at IS NULL""",
                now_us=now_us,
                ref=method_ref,
                account_id=self._tenant.account_id,
            )

        await self._database.transaction(work)

    async def charge(self, request: ChargeRequest) -> Charged | Declined:
        async def work(tx: Transaction) -> Row | None:
            found = await tx.fetch_one(
                "SELECT card FROM sandbox_cards WHERE ref = :ref AND removed_at IS NULL",
                ref=request.method_ref,
            )
            outcome = "card_removed" if found is None else TEST_CARDS[found["card"]].charge
            await tx.insert(
                "sandbox_charges",
                ("order_id", "account_id", "environment", "ref", "outcome", "created_at"),
                [(request.order_id, *self._tenant, new_id("pay"), outcome, self._clock.now_us())],
                on_conflict="ON CONFLICT (order_id) DO NOTHING",
            )
            return await tx.fetch_one(_CHARGE, id=request.order_id)

        made = await self._database.transaction(work)
        assert made is not None, "it was just written"
        return _told(made, request)

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:  # noqa: ARG002
        made = await self._database.read(lambda tx: tx.fetch_one(_CHARGE, id=request.order_id))
        return None if made is None else _told(made, request)

    async def give_up(self, ref: str) -> bool:  # noqa: ARG002 what was declined is over
        return True


def sandbox_customer(tenant: Tenant) -> str:
    return f"cus_{tenant.account_id}"


async def find(tx: Transaction, token: str) -> SandboxCard:
    row = await tx.fetch_one(
        """SELECT ref, provider, card, success_url FROM sandbox_cards
           WHERE token = :token AND removed_at IS NULL""",
        token=token,
    )
    if row is None:
        raise NotFound("Checkout")
    return SandboxCard(row["ref"], row["provider"], row["card"], row["success_url"])


async def choose(tx: Transaction, token: str, card: str) -> SandboxCard:
    assert card in TEST_CARDS, "the page offers no other"
    await tx.execute(
        "UPDATE sandbox_cards SET card = :card WHERE token = :token AND card IS NULL",
        card=card,
        token=token,
    )
    return await find(tx, token)


async def keep_paid(tx: Transaction, order_id: str, payment_id: str, *, now_us: int) -> None:
    await tx.execute(
        """INSERT INTO sandbox_cards
               (ref, account_id, environment, provider, token, card, success_url, created_at)
           SELECT :ref, account_id, environment, provider, :token, 'pays', '', :now_us
           FROM orders WHERE id = :order_id AND saves_payment = 1
           ON CONFLICT DO NOTHING""",
        ref=f"pm_{payment_id.partition('_')[2]}",
        token=secrets.token_urlsafe(TOKEN_BYTES),
        now_us=now_us,
        order_id=order_id,
    )


_CHARGE: Final = "SELECT ref, outcome FROM sandbox_charges WHERE order_id = :id"


def _told(made: Row, request: ChargeRequest) -> Charged | Declined:
    ref, outcome = made["ref"], made["outcome"]
    if outcome == _PAID:
        paid = Paid(Subject(request.order_id, (ref,)), ref, request.price)
        return Charged(ref, (paid,))
    if outcome not in _REASONS:
        raise ProviderRefused(f"The sandbox has no outcome {outcome}.")
    return Declined(outcome, ref)
