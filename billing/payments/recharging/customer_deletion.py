"""Delete erased accounts' customers and cards at payment providers.

A row stays until its provider has deleted the customer, or an operator gives up. A customer that another account still
uses is never deleted.
"""

import logging
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from billing.providers.abilities import CustomerErasure, ability
from billing.providers.http import refusal_of
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from billing.providers.registry import Providers
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, Clock
from kernel.errors import NotFound
from kernel.storable import storable
from keys.principal import environment_of
from store.database import Database, Row, Transaction
from store.row_mapping import RowMapping

WAITS_US: Final = (MINUTE_US, 10 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US)
ERROR_CHARACTERS_MAX: Final = 300
LISTED_MAX: Final = 200

_log = logging.getLogger(__name__)
# "left" means that the customer wasn't deleted and won't be.
Word = Literal["done", "left", "waits"]
_LOGGED: Final[dict[Word, str]] = {
    "done": "customer.forgotten",
    "left": "customer.left",
    "waits": "customer.not_forgotten",
}


class ForgottenCustomer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    provider: str
    environment: str
    customer_ref: str
    attempts: int = 0
    next_attempt_at: int
    last_error: str | None = None
    created_at: int

    @property
    def id(self) -> str:
        return self.customer_ref

    @property
    def key(self) -> tuple[str, str, str]:
        return self.provider, self.environment, self.customer_ref


class CustomerDeleter:
    def __init__(self, database: Database, clock: Clock, providers: Providers) -> None:
        self._database = database
        self._clock = clock
        self._providers = providers

    async def forget(self, due: ForgottenCustomer) -> Word | None:
        """Delete a customer at its provider, and return the outcome. Return None if another worker is doing this.

        The provider's failures aren't raised.
        """
        now_us = self._clock.now_us()
        if not await self._database.transaction(lambda tx: claim(tx, due, now_us=now_us)):
            return None
        word, why = await self._delete_there(due)

        async def settle(tx: Transaction) -> None:
            await (_note(tx, due, why) if word == "waits" else give_up(tx, due))

        await self._database.transaction(settle)
        fields = {"provider": due.provider, "environment": due.environment, "why": why}
        level = logging.INFO if word == "done" else logging.WARNING
        _log.log(level, _LOGGED[word], extra={"fields": fields})
        return word

    async def _delete_there(self, due: ForgottenCustomer) -> tuple[Word, str]:
        if await self._database.read(lambda tx: _is_ours(tx, due)):
            return "left", "an account here goes by it"
        environment = environment_of(due.environment)
        provider = self._providers.of(due.provider, environment)
        if provider is None or self._providers.is_simulated(due.provider, environment):
            return "waits", f"{due.provider} has no credentials in {due.environment}"
        found = ability(provider, CustomerErasure)  # type: ignore[type-abstract]  # a protocol is meant
        if found is None:
            return "left", "its API deletes no customers"
        try:
            await found.erase_customer(due.customer_ref)
        except ProviderUnavailable as error:
            return "waits", error.detail
        except ProviderRefused as error:
            return "waits", refusal_of(error, "to delete the customer").detail
        return "done", ""


async def due_customers(tx: Transaction, *, now_us: int, limit: int) -> Sequence[ForgottenCustomer]:
    """Return at most `limit` customers to delete for each provider and environment, longest overdue first."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM (
                SELECT {_ROWS.listed}, ROW_NUMBER() OVER (
                    PARTITION BY provider, environment ORDER BY next_attempt_at) AS place
                FROM forgotten_customers WHERE next_attempt_at <= :now) AS due
            WHERE place <= :limit ORDER BY next_attempt_at""",
        now=now_us,
        limit=limit,
    )
    return [_read(row) for row in rows]


async def list_forgotten(
    tx: Transaction, environment: str | None = None
) -> Sequence[ForgottenCustomer]:
    narrowed = "" if environment is None else "WHERE environment = :environment"
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM forgotten_customers {narrowed}
            ORDER BY created_at, provider, environment, customer_ref LIMIT :limit""",
        limit=LISTED_MAX,
        **({} if environment is None else {"environment": environment}),
    )
    return [_read(row) for row in rows]


async def count_forgotten(tx: Transaction, *, before_us: int) -> dict[str, int]:
    rows = await tx.fetch(
        """SELECT environment, COUNT(*) AS number FROM forgotten_customers
           WHERE created_at <= :before GROUP BY environment""",
        before=before_us,
    )
    return {row["environment"]: int(row["number"]) for row in rows}


async def claim(tx: Transaction, due: ForgottenCustomer, *, now_us: int) -> bool:
    wait_us = WAITS_US[min(due.attempts, len(WAITS_US) - 1)]
    return (
        await tx.execute(
            f"""UPDATE forgotten_customers SET attempts = attempts + 1, next_attempt_at = :next_at
            WHERE {_KEY} AND attempts = :seen""",
            **_named(due.key),
            next_at=now_us + wait_us,
            seen=due.attempts,
        )
        == 1
    )


async def get(tx: Transaction, key: tuple[str, str, str]) -> ForgottenCustomer:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM forgotten_customers WHERE {_KEY}", **_named(key)
    )
    if row is None:
        raise NotFound("Customer", param="customer_ref")
    return _read(row)


async def retry_now(tx: Transaction, found: ForgottenCustomer, *, now_us: int) -> None:
    await tx.execute(
        f"UPDATE forgotten_customers SET next_attempt_at = :now WHERE {_KEY}",
        **_named(found.key),
        now=now_us,
    )


async def _is_ours(tx: Transaction, due: ForgottenCustomer) -> bool:
    row = await tx.fetch_one(_OURS, provider=due.provider, ref=due.customer_ref)
    return row is not None


async def _note(tx: Transaction, due: ForgottenCustomer, why: str) -> None:
    await tx.execute(
        f"UPDATE forgotten_customers SET last_error = :why WHERE {_KEY}",
        **_named(due.key),
        why=storable(why, characters_max=ERROR_CHARACTERS_MAX),
    )


async def give_up(tx: Transaction, due: ForgottenCustomer) -> None:
    await tx.execute(f"DELETE FROM forgotten_customers WHERE {_KEY}", **_named(due.key))


def _named(key: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("provider", "environment", "ref"), key, strict=True))


def _read(row: Row) -> ForgottenCustomer:
    return _ROWS.read(row)


_ROWS = RowMapping(ForgottenCustomer)
_KEY = "provider = :provider AND environment = :environment AND customer_ref = :ref"
_OURS = """
SELECT account_id FROM provider_customers WHERE provider = :provider AND customer_ref = :ref
UNION ALL
SELECT account_id FROM recharges WHERE provider = :provider AND customer_ref = :ref
LIMIT 1
"""
