"""What is kept of the looks at the whole ledger."""

from billing.ledger.proof import LastProof, last_proof, note_proof
from store.database import Database, Transaction
from tests.support.dispatcher import rows


async def note(database: Database, *proofs: tuple[int, int]) -> None:
    """Each (began_at, findings) in a transaction of its own."""
    for began_at, findings in proofs:

        async def work(tx: Transaction, began_at: int = began_at, findings: int = findings) -> None:
            await note_proof(tx, began_at=began_at, ended_at=began_at + 1, findings=findings)

        await database.transaction(work)


async def test_the_last_proof_is_told_beside_the_last_look(database: Database) -> None:
    assert await database.read(last_proof) is None

    await note(database, (10, 3))
    assert await database.read(last_proof) == LastProof(10, 3, None)

    await note(database, (20, 0), (30, 5))
    assert await database.read(last_proof) == LastProof(30, 5, 20)


async def test_a_hundred_looks_stay_and_the_one_that_proved_it(database: Database) -> None:
    await note(database, (1, 0), *((at, 1) for at in range(2, 105)))

    kept = [
        row["began_at"]
        for row in await rows(database, "SELECT began_at FROM ledger_proofs ORDER BY began_at")
    ]
    assert kept == [1, *range(5, 105)]
    assert await database.read(last_proof) == LastProof(104, 1, 1)
