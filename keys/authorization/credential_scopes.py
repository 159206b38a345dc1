"""Judge a credential again by its id, without its secret: for work that outlives the request."""

from typing import Final

from keys.account_access import IS_LIVE_OPEN
from keys.api_keys import lookup
from keys.principal import Principal, Refusal
from keys.tokens import access_token
from store.database import Transaction

_KEY: Final = f"""
SELECT k.client_id, k.lineage, k.environment, {IS_LIVE_OPEN} FROM api_keys k
JOIN accounts a ON a.id = k.account_id WHERE k.id = :id
"""
_SECRETS: Final = "SELECT digest FROM api_key_secrets WHERE key_id = :id"
_TOKEN: Final = "SELECT digest FROM access_tokens WHERE id = :id"  # noqa: S105 - a statement
# A signed-in client's key lasts as long as the client can get another token.
_SIGNED_IN: Final = """
SELECT t.scopes FROM authorization_tokens t
JOIN authorization_grants g ON g.id = t.grant_id
WHERE g.key_id = :id AND t.kind = 'refresh' AND t.revoked_at IS NULL AND t.used_at IS NULL
  AND t.expires_at > :now_us
"""


async def scopes_of(tx: Transaction, credential_id: str, *, now_us: int) -> frozenset[str]:
    """Return the scopes that a key or token holds now: none once it has ended or while it is
    paused.
    """
    key = await tx.fetch_one(_KEY, id=credential_id)
    if key is not None and key["client_id"] is not None:
        if key["environment"] == "live" and not key["is_live_open"]:
            return frozenset()
        return await _of_client(tx, credential_id, key["lineage"], now_us=now_us)
    load = access_token.load_principals if key is None else lookup.load_principals
    rows = await tx.fetch(_TOKEN if key is None else _SECRETS, id=credential_id)
    found = await load(tx, [row["digest"] for row in rows], now_us=now_us)
    held: frozenset[str] = frozenset()
    for one in found.values():
        if isinstance(one, Principal) and not one.is_paused:
            held |= one.scopes
    return held


async def _of_client(tx: Transaction, key_id: str, lineage: str, *, now_us: int) -> frozenset[str]:
    chain = (key_id, *lineage.split())
    links = await lookup.load_links(tx, chain)
    allowed = lookup.judge_chain(chain, links, now_us=now_us, may_administer=False)
    if isinstance(allowed, Refusal) or allowed.is_paused:
        return frozenset()
    rows = await tx.fetch(_SIGNED_IN, id=key_id, now_us=now_us)
    return allowed.scopes & {scope for row in rows for scope in row["scopes"].split()}
