"""Addresses that want no mail, stored as keyed digests.

The list tells whether a given address is on it, but no address can be read from it. It holds for every
account, because the recipient knows one sender: this installation.
"""

from collections.abc import Iterable

from store.database import Transaction


async def refuse_mail(tx: Transaction, digest: str, *, now_us: int) -> None:
    """Send no more mail there; the first time stays."""
    await tx.insert(
        "mail_refusals",
        ("digest", "created_at"),
        [(digest, now_us)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def allow_mail(tx: Transaction, digest: str) -> bool:
    """Send mail there again; return False if it wasn't on the list."""
    return await tx.execute("DELETE FROM mail_refusals WHERE digest = :digest", digest=digest) > 0


async def refusing(tx: Transaction, digests: Iterable[str]) -> frozenset[str]:
    wanted = sorted(set(digests))
    if not wanted:
        return frozenset()
    rows = await tx.fetch(
        "SELECT digest FROM mail_refusals WHERE digest IN :digests[text]", digests=wanted
    )
    return frozenset(str(row["digest"]) for row in rows)
