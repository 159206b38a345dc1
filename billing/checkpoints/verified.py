"""When all checkpoints of an environment were last verified, and up to which one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from billing.checkpoints.checkpoint import last_sealed
from billing.checkpoints.proving import SealedDifference, prove_checkpoints
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction

# With more, the reader knows that something is wrong on a large scale.
DIFFERENCES_MAX: Final = 10_000

_ROWS: Final = "SELECT environment, day_start_at, began_at, findings FROM checkpoint_proofs"


class LastVerified(NamedTuple):
    day_start_at: int
    began_at: int
    findings: int


async def note_verified(tx: Transaction, environment: str, verified: LastVerified) -> None:
    await tx.insert(
        "checkpoint_proofs",
        ("environment", "day_start_at", "began_at", "findings"),
        [(environment, *verified)],
        on_conflict="""ON CONFLICT (environment) DO UPDATE SET day_start_at = excluded.day_start_at,
            began_at = excluded.began_at, findings = excluded.findings""",
    )


async def last_verified(tx: Transaction) -> Mapping[str, LastVerified]:
    """Return it by environment, without those never checked whole."""
    return {str(row[0]): LastVerified(row[1], row[2], row[3]) for row in await tx.fetch(_ROWS)}


async def verify_all(
    database: Database, environment: str = "", *, began_at: int
) -> tuple[Sequence[SealedDifference], Mapping[str, LastVerified]]:
    """Compare all checkpoints with their transfers; return at most DIFFERENCES_MAX."""
    days: dict[str, int] = {}
    for one in ENVIRONMENTS:
        last = await database.read(partial(last_sealed, environment=one))
        if last is not None and environment in {"", one}:
            days[one] = last.day_start_at
    found: list[SealedDifference] = []
    async for difference in prove_checkpoints(database, environment):
        found.append(difference)
        if len(found) >= DIFFERENCES_MAX:
            break
    numbers = Counter(one.environment for one in found)
    noted = {one: LastVerified(day, began_at, numbers[one]) for one, day in days.items()}
    return found, noted


async def note_all(tx: Transaction, noted: Mapping[str, LastVerified]) -> None:
    for environment, verified in noted.items():
        await note_verified(tx, environment, verified)
