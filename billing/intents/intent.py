"""An intent: the caller's own ID of one top-up, the same through every interface.

It belongs to the account, not to a key: an agent that lost a response repeats the call, with any key, and
finds its top-up. By primary key an intent names one top-up of an account and environment. The caller holds
the account's lock, so reading before writing is enough.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kernel.errors import DomainError
from store.database import Transaction

# (account, environment, intent)
IntentKey = tuple[str, str, str]

_COLUMNS: Final = ("account_id", "environment", "intent", "transaction_id")


class IntentUsed(DomainError):
    """The intent is another top-up's: the platform, amount or recipient differ."""


class IntentMet(DomainError):
    """The intent's top-up was already sent, and a bulk send can't return it."""


async def load(tx: Transaction, intents: Iterable[IntentKey]) -> dict[IntentKey, str]:
    rows = await tx.fetch(_LOAD, intents=sorted(set(intents)))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def insert(tx: Transaction, named: Mapping[IntentKey, str]) -> None:
    rows = [(*intent, topup_id) for intent, topup_id in sorted(named.items())]
    await tx.insert_deferred("topup_intents", _COLUMNS, rows)


async def free(tx: Transaction, intents: Iterable[IntentKey]) -> None:
    """Let these name other top-ups, because nothing was accepted of what they named."""
    await tx.execute(_FREE, intents=sorted(set(intents)))


_FREE = """
DELETE FROM topup_intents WHERE (account_id, environment, intent) IN (
    SELECT v.account_id, v.environment, v.intent
    FROM :intents[account_id text, environment text, intent text] AS v)
"""
_LOAD = """
SELECT i.account_id, i.environment, i.intent, i.transaction_id
FROM :intents[account_id text, environment text, intent text] AS v
CROSS JOIN topup_intents i
WHERE i.account_id = v.account_id AND i.environment = v.environment AND i.intent = v.intent
"""
