"""Search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.reports.find_by_id import Found, find_by_id, looks_like_id
from billing.reports.find_by_words import (
    LOOKED_AT,
    LOOKED_AT_FURTHER,
    PART_CHARACTERS_MIN,
    PartsFound,
    all_topups_by_part,
    documents_by_number,
    endpoints_by_url,
    keys_by_name,
    topups_by_part,
    topups_by_reference,
)
from kernel.tenant import Tenant
from keys.account import list_accounts
from keys.principal import ADMIN
from store.database import Transaction

_ACCOUNTS_SHOWN: Final = 10
_NOTHING: Final = PartsFound(())


@dataclass(frozen=True, slots=True)
class SearchResult:
    """named: what the whole text names; parts: the top-ups that contain it."""

    named: Sequence[Found] = ()
    parts: PartsFound = _NOTHING


def rows_looked_at(before_id: str | None) -> int:
    return LOOKED_AT if before_id is None else LOOKED_AT_FURTHER


async def search_account(
    tx: Transaction,
    tenant: Tenant,
    text: str,
    scopes: frozenset[str],
    *,
    before_id: str | None = None,
) -> SearchResult:
    """Search the account: by ID in both environments, by words in the tenant's. before_id: where the search
    for parts continues.
    """
    if looks_like_id(text):
        return SearchResult(await find_by_id(tx, text, scopes - {ADMIN}, tenant.account_id))
    named = [] if before_id else await _named(tx, tenant, text, scopes)
    if "topup:read" not in scopes or len(text) < PART_CHARACTERS_MIN:
        return SearchResult(named)
    parts = await topups_by_part(
        tx, tenant, text, before_id=before_id, looked_at=rows_looked_at(before_id)
    )
    known = {one.id for one in parts.items}
    return SearchResult([one for one in named if one.id not in known], parts)


async def _named(tx: Transaction, tenant: Tenant, text: str, scopes: frozenset[str]) -> list[Found]:
    found: list[Found] = []
    if "topup:read" in scopes:
        found += await topups_by_reference(tx, tenant, text)
    if "billing:read" in scopes:
        found += await documents_by_number(tx, tenant.environment, text, tenant.account_id)
    if "keys:write" in scopes:
        found += await keys_by_name(tx, tenant, text)
    if "webhooks:read" in scopes:
        found += await endpoints_by_url(tx, tenant, text)
    return found


async def search_all(
    tx: Transaction,
    environment: str,
    text: str,
    scopes: frozenset[str],
    *,
    before_id: str | None = None,
) -> SearchResult:
    if looks_like_id(text):
        return SearchResult(await find_by_id(tx, text, scopes, None))
    named: list[Found] = []
    if before_id is None:
        accounts = await list_accounts(tx, matching=text, limit=_ACCOUNTS_SHOWN)
        named += [
            Found(
                "account",
                one.id,
                one.id,
                "",
                one.name if one.email is None else f"{one.name} · {one.email}",
                "",
                one.created_at,
            )
            for one in accounts
        ]
        named += await documents_by_number(tx, environment, text, None)
    if len(text) < PART_CHARACTERS_MIN:
        return SearchResult(named)
    return SearchResult(
        named,
        await all_topups_by_part(
            tx, environment, text, before_id=before_id, looked_at=rows_looked_at(before_id)
        ),
    )
