"""Grants: which app may act for which user, within which scope, and up to which amount in each period.

There is one row for each app and user. A new consent renews it under the same id, so that the running
period's charges still count. A revoked grant allows nothing until its user consents again. Writes
oauth_grants; the caller holds the user's lock.
"""

from dataclasses import dataclass

from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys.oauth.app import CapPeriod
from keys.oauth.code import Consent
from keys.oauth.redirect import Registered
from keys.principal import OAuthScope
from store.database import Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class Grant:
    """One user's grant with what is shown of its app. Times in microseconds."""

    id: str
    account_id: str
    environment: str
    app_id: str
    scope: OAuthScope
    cap_micros: int
    cap_period: CapPeriod
    consented_at: int
    revoked_at: int | None
    app_name: str
    redirect_host: str
    redirect_uris: str
    owner_id: str
    disabled_at: int | None

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and self.disabled_at is None

    @property
    def hosts(self) -> tuple[str, ...]:
        return Registered(self.redirect_host, tuple(self.redirect_uris.split())).hosts


async def renew(tx: Transaction, consent: Consent, *, now_us: int) -> Grant:
    await tx.insert(
        "oauth_grants",
        (
            "id",
            "account_id",
            "environment",
            "app_id",
            "scope",
            "cap_micros",
            "cap_period",
            "consented_at",
        ),
        [
            (
                new_id("ogr"),
                *consent.user,
                consent.app_id,
                consent.scope,
                consent.cap_micros,
                consent.cap_period,
                now_us,
            )
        ],
        on_conflict="""ON CONFLICT (app_id, account_id) DO UPDATE SET
            scope = excluded.scope, cap_micros = excluded.cap_micros,
            cap_period = excluded.cap_period, consented_at = excluded.consented_at,
            revoked_at = NULL""",
    )
    row = await tx.fetch_one(_OF_USER, app_id=consent.app_id, account_id=consent.account_id)
    assert row is not None, "it was just written"
    return _ROWS.read(row)


async def get(tx: Transaction, user: Tenant, grant_id: str) -> Grant:
    """Return the user's grant; raise NotFound, also for another's."""
    found = (await load(tx, [grant_id])).get(grant_id)
    if found is None or (found.account_id, found.environment) != user:
        raise NotFound("Grant")
    return found


async def load(tx: Transaction, grant_ids: list[str]) -> dict[str, Grant]:
    rows = await tx.fetch(_BY_ID, ids=sorted(set(grant_ids)))
    return {row["id"]: _ROWS.read(row) for row in rows}


async def list_grants(
    tx: Transaction, user: Tenant, *, before_id: str | None = None, limit: int = PAGE_ITEMS
) -> list[Grant]:
    rows = await _PAGES.page(tx, user, before_id=before_id, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def revoke(tx: Transaction, grant_id: str, *, now_us: int) -> None:
    """End the grant until a new consent. keys/oauth/token.py ends its tokens."""
    await tx.execute(
        "UPDATE oauth_grants SET revoked_at = :now_us WHERE id = :id AND revoked_at IS NULL",
        now_us=now_us,
        id=grant_id,
    )


_ROWS = RowMapping(Grant)
_COLUMNS = _ROWS.of(
    "g",
    app_name="p.name",
    redirect_host="p.redirect_host",
    redirect_uris="p.redirect_uris",
    owner_id="p.account_id",
    disabled_at="p.disabled_at",
)
_SOURCE = "oauth_grants g JOIN oauth_apps p ON p.id = g.app_id"
_PAGES = Keyset(
    _COLUMNS,
    _SOURCE,
    "g.account_id = :account_id AND g.environment = :environment",
    key="g.id",
)
_BY_ID = f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE g.id IN :ids[text]"
_OF_USER = f"""
SELECT {_COLUMNS} FROM {_SOURCE} WHERE g.app_id = :app_id AND g.account_id = :account_id
"""
