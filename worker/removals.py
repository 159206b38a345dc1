"""Sign what a worker deletes on purpose, so that the record log's proof can tell it from a theft."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from billing.records.removal import ACCOUNT, EVERYWHERE, sign_removal
from kernel.clock import Clock
from keys.principal import ENVIRONMENTS
from keys.vault import Vault
from store.database import Database, Transaction

OnPruning = Callable[[Mapping[str, int]], Awaitable[None]]
# Security entries have one retention for both environments.
_OF_ENVIRONMENTS: Final = ("event", "delivery")


async def not_noted(_until: Mapping[str, int]) -> None:
    """Sign nothing, for a database that has no record log."""


def pruned_note(database: Database, vault: Vault, clock: Clock) -> OnPruning:
    """Return what moves the watermarks; each commits before anything is deleted. Raises SealBroken."""

    async def note(until: Mapping[str, int]) -> None:
        async def work(tx: Transaction) -> None:
            for subject, until_us in until.items():
                kinds = _OF_ENVIRONMENTS if subject in ENVIRONMENTS else ("security",)
                for kind in kinds:
                    await sign_removal(
                        tx,
                        vault,
                        kind=kind,
                        subjects=[subject],
                        until=until_us,
                        now_us=clock.now_us(),
                    )

        await database.transaction(work)

    return note


def erased_note(
    vault: Vault, account_id: str, *, now_us: int
) -> Callable[[Transaction], Awaitable[None]]:
    """Return what writes an account's tombstone, in the transaction that begins to erase it."""

    async def note(tx: Transaction) -> None:
        await sign_removal(
            tx, vault, kind=ACCOUNT, subjects=[account_id], until=now_us, now_us=now_us
        )

    return note


__all__ = ["EVERYWHERE", "OnPruning", "erased_note", "not_noted", "pruned_note"]
