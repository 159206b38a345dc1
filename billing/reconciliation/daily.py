"""Compare the ledger with the providers' payments and the suppliers' deliveries every day.

Each part runs in one of the workers. If a part fails, it is retried after an hour.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from billing.checkpoints.sums import open_basis
from billing.fulfilment.suppliers import Suppliers
from billing.payments.payments import Payments
from billing.proof.audit import audit
from billing.providers.abilities import Listing, ability
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from billing.reconciliation import differences, own_payments, runs
from billing.reconciliation.differences import MICROS, Comparison, FoundDifference
from billing.reconciliation.provider_list import Compared, compare
from billing.reconciliation.provider_part import ProviderComparison
from billing.reconciliation.runs import PartRun
from billing.reconciliation.supplier_part import SupplierComparison
from kernel.clock import DAY_US, Clock
from kernel.errors import InvalidInput
from keys.principal import ENVIRONMENTS, Environment
from store.database import Database, Transaction
from store.errors import StoreError


async def compare_ledger(
    database: Database, comparison: Comparison
) -> AsyncIterator[FoundDifference]:
    comparison.checked = await database.read(lambda tx: _accounts(tx, comparison.environment))
    basis = await open_basis(database, is_full=False, now_us=comparison.now_us)
    async for finding in audit(database, comparison.environment, basis=basis):
        yield FoundDifference(
            "ledger_rule",
            f"{finding.rule}: {finding.row_id}",
            finding.expected,
            finding.found,
            MICROS,
            f"{finding.rule} ({finding.row_id})",
            finding.account_id,
        )


async def _accounts(tx: Transaction, environment: str) -> int:
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS number FROM account_environments WHERE environment = :environment",
        environment=environment,
    )
    assert row is not None, "a count has one row"
    return int(row["number"])


LEDGER: Final = "ledger"
SUPPLIERS: Final = "suppliers"
PROVIDER: Final = "provider:"
# Compare only sales and sends that are at most this old. Open differences are always checked again.
LOOKED_BACK_US: Final = 4 * DAY_US
WRITTEN_AT_ONCE: Final = 100
FOUND_MAX: Final = 1_000

_log = logging.getLogger(__name__)


class DailyReconciliation:
    def __init__(
        self, database: Database, clock: Clock, payments: Payments, suppliers: Suppliers
    ) -> None:
        self._database = database
        self._clock = clock
        self._payments = payments
        self._suppliers = suppliers

    def parts(self, environment: Environment) -> Sequence[str]:
        known = self._payments.providers
        names = [
            name
            for name in known.names()
            if known.of(name, environment) is not None and not known.is_simulated(name, environment)
        ]
        return (LEDGER, SUPPLIERS, *(f"{PROVIDER}{name}" for name in names))

    async def run_due(self) -> Sequence[PartRun]:
        known = await self._database.read(runs.list_runs)
        now_us = self._clock.now_us()
        resting = {(one.environment, one.part) for one in known if one.next_at > now_us}
        ran: list[PartRun] = []
        for environment in ENVIRONMENTS:
            for part in self.parts(environment):
                if (environment, part) not in resting:
                    run = await self.run_part(environment, part)
                    ran += [] if run is None else [run]
        return ran

    async def run_part(
        self, environment: Environment, part: str, *, is_wanted: bool = False
    ) -> PartRun | None:
        """Run the part. Return None if it isn't due, or if another process is running it."""
        now_us = self._clock.now_us()
        run = await self._database.transaction(
            partial(_begin, environment=environment, part=part, now_us=now_us, is_wanted=is_wanted)
        )
        if run is None:
            return None
        try:
            await self._run(run, now_us)
        except StoreError:
            raise
        except (ProviderUnavailable, ProviderRefused, InvalidInput) as error:
            await self._fail(run, error.detail)
        except Exception:
            _log.exception("reconciliation.broke", extra={"part": part})
            await self._fail(run, "it broke; the worker's log says where")
        return await self._database.read(lambda tx: runs.find(tx, environment, part))

    async def compare_list(
        self,
        environment: Environment,
        provider: str,
        period: tuple[int, int],
        *,
        keep_fees: bool,
    ) -> Compared:
        found = self._payments.providers.of(provider, environment)
        listing = None if found is None else ability(found, Listing)  # type: ignore[type-abstract]
        if found is None:
            raise InvalidInput(f"{provider} is not configured in {environment}.", param="provider")
        if listing is None:
            raise InvalidInput(f"{provider} has no list of payments to compare.", param="provider")
        compared = await compare(
            self._database,
            listing,
            provider=provider,
            environment=environment,
            since=period[0],
            until=period[1],
            now_us=self._clock.now_us(),
            linked=self._payments.linked,
        )
        if keep_fees:
            await self._database.transaction(lambda tx: own_payments.save_fees(tx, compared.fees))
        return compared

    async def _run(self, run: PartRun, now_us: int) -> None:
        subjects = await self._database.read(
            lambda tx: differences.open_subjects(tx, run.environment, run.part)
        )
        since = now_us - LOOKED_BACK_US
        comparison = Comparison(run.environment, run.part, since, now_us, frozenset(subjects))
        waiting: list[FoundDifference] = []
        number = 0
        async for one in self._compared(run, comparison):
            waiting.append(one)
            number += 1
            if len(waiting) == WRITTEN_AT_ONCE:
                await self._write(run, waiting)
                waiting = []
            if number == FOUND_MAX:
                break
        await self._write(run, waiting)
        if number == FOUND_MAX:
            await self._fail(run, f"it stopped after {FOUND_MAX} differences")
            return
        await self._database.transaction(partial(_end, run=run, done=comparison, clock=self._clock))
        _log.info(
            "reconciliation.ran",
            extra={
                "environment": run.environment,
                "part": run.part,
                "checked": comparison.checked,
                "differences": number,
            },
        )

    def _compared(self, run: PartRun, comparison: Comparison) -> AsyncIterator[FoundDifference]:
        if run.part == LEDGER:
            return compare_ledger(self._database, comparison)
        if run.part == SUPPLIERS:
            suppliers = SupplierComparison(self._database, self._suppliers)
            return suppliers.compare(comparison, run.mark)
        name = run.part.removeprefix(PROVIDER)
        return ProviderComparison(self._database, self._payments, name, comparison).compare()

    async def _write(self, run: PartRun, found: Sequence[FoundDifference]) -> None:
        if found:
            now_us = self._clock.now_us()
            await self._database.transaction(
                lambda tx: differences.note_found(
                    tx, run.environment, run.part, found, now_us=now_us
                )
            )

    async def _fail(self, run: PartRun, fault: str) -> None:
        _log.warning("reconciliation.delayed", extra={"part": run.part, "why": fault})
        now_us = self._clock.now_us()
        await self._database.transaction(lambda tx: runs.fail(tx, run, fault, now_us=now_us))


async def _begin(
    tx: Transaction, *, environment: str, part: str, now_us: int, is_wanted: bool
) -> PartRun | None:
    return await runs.begin(tx, environment, part, now_us=now_us, is_wanted=is_wanted)


async def _end(tx: Transaction, *, run: PartRun, done: Comparison, clock: Clock) -> None:
    began_at = run.began_at or 0
    await differences.close_gone(
        tx,
        run.environment,
        run.part,
        began_at=began_at,
        but=sorted(done.unanswered),
        now_us=clock.now_us(),
    )
    await runs.end(tx, run, checked=done.checked, mark=done.mark)
