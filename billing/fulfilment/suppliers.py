"""Provide the suppliers that can be called, and the platforms that can receive sends.

Each process reloads both every LOOK_S seconds, so sends don't query the database for them. A supplier with invalid
options can't be called, so its top-ups wait.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import httpx

from billing.fulfilment.options import checked_options, opened_options
from billing.fulfilment.protocol import (
    AskedAgain,
    Health,
    Options,
    OptionsRefused,
    Outcome,
    Registration,
    Request,
    Revocation,
    SimulatedSupplier,
    Supplier,
    Tools,
    Unknown,
)
from billing.topups import platform_rows
from billing.topups.platform import WALLET, PlatformBook
from billing.topups.platform_rows import SupplierRow
from billing.topups.plausible import NO_SUPPLIER_TERMS, NO_TERMS, DeliveryTerms, SupplierTerms
from billing.topups.topup import Deliverable
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.vault import SealBroken, Vault
from store.database import Database, Transaction
from store.errors import StoreError

LOOK_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadySupplier:
    """A supplier that is ready to be called. If its row can't be used, `fault` is the reason.

    `is_resting` means that workers skip the supplier after failures.
    """

    id: str
    environment: str
    kind: str
    asked: Supplier
    asked_again: AskedAgain = "repeat"
    is_one_per_recipient: bool = False
    is_active: bool = True
    is_paused: bool = False
    is_resting: bool = False
    callback_secret: str | None = None
    terms: SupplierTerms = NO_SUPPLIER_TERMS
    fault: str | None = None

    @property
    def can_revoke(self) -> bool:
        return type(self.asked).revoke is not Supplier.revoke


class _Unusable(Supplier):
    def __init__(self, fault: str) -> None:
        self._fault = fault

    async def fulfil(self, request: Request) -> Outcome:  # noqa: ARG002
        return Unknown(self._fault)

    async def revoke(self, request: Request, value: str | None) -> Revocation:  # noqa: ARG002
        return Unknown(self._fault)

    async def probe(self) -> Health:
        return Health(is_well=False, detail=self._fault)


class Suppliers:
    def __init__(
        self,
        database: Database,
        vault: Vault,
        registrations: Mapping[str, Registration],
        *,
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self.book = PlatformBook()
        self.registrations = registrations
        self.on_change: list[Callable[[], None]] = []
        self._database = database
        self._vault = vault
        self._client = client
        self._clock = clock
        self._ready: Mapping[tuple[str, str], ReadySupplier] = {}

    @property
    def vault(self) -> Vault:
        return self._vault

    def find(self, environment: str, supplier: str | None) -> ReadySupplier | None:
        return None if supplier is None else self._ready.get((environment, supplier))

    def terms_of(
        self, environment: str, supplier: str | None, platform: str, amount_cents: int
    ) -> DeliveryTerms:
        found = self.find(environment, supplier)
        return NO_TERMS if found is None else found.terms.of(platform, amount_cents)

    def known(self) -> Sequence[ReadySupplier]:
        return list(self._ready.values())

    def sample(self, environment: str, platform: str, topup_id: str) -> Deliverable | None:
        source = self.book.of(environment).next_after(platform, ())
        registration = None if source is None else self.registrations.get(source.kind)
        if registration is None or registration.name == WALLET:
            return None
        return registration.sample(Request(topup_id, "", environment, platform, 1, "", ""))

    async def refresh(self) -> bool:
        known = self.book.version

        async def work(tx: Transaction) -> tuple[PlatformBook, list[SupplierRow]] | None:
            if await platform_rows.version(tx) == known:
                return None
            book = await platform_rows.read_book(tx)
            return book, list(await platform_rows.list_suppliers(tx))

        found = await self._database.read(work)
        if found is None:
            return False
        fresh, rows = found
        self._ready = {(row.environment, row.id): self.ready(row) for row in rows}
        self.book.by_environment, self.book.version = fresh.by_environment, fresh.version
        for notify in self.on_change:
            notify()
        return True

    async def keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.refresh()
            except StoreError as error:
                _log.warning("platforms.not_refreshed", extra={"error": str(error)})
            except Exception:
                _log.exception("platforms.broke")

    def ready(self, row: SupplierRow) -> ReadySupplier:
        plain = ReadySupplier(
            row.id,
            row.environment,
            row.kind,
            _Unusable(""),
            is_active=row.is_active,
            is_paused=row.paused_at is not None,
            is_resting=row.breaker_opened_at is not None,
        )
        registration = self.registrations.get(row.kind)
        if registration is None:
            return _faulty(plain, f"no kind of suppliers is called {row.kind}")
        known = replace(
            plain,
            asked_again=registration.asked_again,
            is_one_per_recipient=registration.is_one_per_recipient,
        )
        if row.is_simulated:
            return replace(
                known, asked=SimulatedSupplier(registration.sample), asked_again="repeat"
            )
        try:
            options = checked_options(registration, opened_options(row, self._vault))
            secret, terms = registration.callback_secret, registration.terms
            return replace(
                known,
                asked=self._make(registration, options, row),
                callback_secret=None if secret is None else secret(options),
                terms=NO_SUPPLIER_TERMS if terms is None else terms(options),
            )
        except (OptionsRefused, SealBroken, DomainError) as error:
            return _faulty(known, str(error))
        except Exception as error:
            _log.exception("supplier.broke", extra={"supplier": row.id})
            return _faulty(known, type(error).__name__)

    def _make(self, registration: Registration, options: Options, row: SupplierRow) -> Supplier:
        tools = Tools(
            client=self._client,
            clock=self._clock,
            database=self._database,
            vault=self._vault,
            supplier_id=row.id,
            environment=row.environment,
        )
        return registration.make(options, tools)


def _faulty(plain: ReadySupplier, fault: str) -> ReadySupplier:
    _log.error("supplier.unusable", extra={"supplier": plain.id, "fault": fault})
    return replace(plain, asked=_Unusable(fault), fault=fault)
