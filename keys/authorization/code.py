"""Authorization codes of MCP clients: exchanged once, within a minute, with the challenge's verifier.

A code that comes a second time ends the tokens that it gave (RFC 6749 4.1.2). Its SHA-256 is stored. Writes
authorization_codes; the caller holds the account's lock.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US, MINUTE_US
from kernel.ids import BASE62
from kernel.tenant import Tenant
from keys.authorization.grant import McpGrant
from keys.granted import Granted
from keys.oauth.code import is_proven
from keys.principal import Environment
from keys.token_format import digest
from store.database import Transaction
from store.row_mapping import WORDS, RowMapping

LIFE_US: Final = MINUTE_US
KEPT_US: Final = DAY_US  # so long a second use is noticed
CHARACTERS: Final = 43  # of base62: 256 bits
CODES_MAX: Final = 20  # of one account, not used yet; the oldest make room


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A stored code. family_id: of the tokens that it gave; null: none yet. session_id: of the sign-in that
    consented; null: not recorded.
    """

    digest: str
    account_id: str
    environment: Environment
    grant_id: str
    client_id: str
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    expires_at: int
    family_id: str | None
    session_id: str | None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def consent(self) -> Granted:
        return Granted(
            self.account_id,
            self.expires_at - LIFE_US,
            session_id=self.session_id,
            person_id=self.account_id,
        )

    def is_answered_by(self, verifier: str) -> bool:
        """Check the verifier against the challenge (RFC 7636)."""
        return is_proven(self.challenge, verifier)


async def issue(
    tx: Transaction,
    grant: McpGrant,
    *,
    redirect_uri: str,
    challenge: str,
    session_id: str,
    now_us: int,
) -> str:
    """Issue a code for a consent in that session. challenge: S256, checked by the caller."""
    await tx.execute(
        _OLD, account_id=grant.account_id, environment=grant.environment, kept=CODES_MAX - 1
    )
    code = "".join(secrets.choice(BASE62) for _ in range(CHARACTERS))
    stored = {
        "digest": digest(code),
        "account_id": grant.account_id,
        "environment": grant.environment,
        "grant_id": grant.id,
        "client_id": grant.client_id,
        "redirect_uri": redirect_uri,
        "challenge": challenge,
        "scopes": " ".join(grant.scopes),
        "expires_at": now_us + LIFE_US,
        "session_id": session_id,
    }
    await tx.insert("authorization_codes", tuple(stored), [tuple(stored.values())])
    return code


async def find(tx: Transaction, code: str) -> IssuedCode | None:
    row = await tx.fetch_one(_FIND, digest=digest(code))
    return None if row is None else _ROWS.read(row)


async def mark_used(tx: Transaction, code: IssuedCode, family_id: str) -> None:
    touched = await tx.execute(
        """UPDATE authorization_codes SET family_id = :family_id
           WHERE digest = :digest AND family_id IS NULL""",
        family_id=family_id,
        digest=code.digest,
    )
    assert touched == 1, "a code is found and used under its account's lock"


async def prune(tx: Transaction, *, now_us: int, limit: int) -> int:
    return await tx.execute(_PRUNE, before=now_us - KEPT_US, rows=limit)


_ROWS = RowMapping(IssuedCode, stored={"scopes": WORDS})
_FIND = f"SELECT {_ROWS.of('c')} FROM authorization_codes c WHERE c.digest = :digest"
_OLD = """
DELETE FROM authorization_codes
WHERE account_id = :account_id AND environment = :environment AND family_id IS NULL
  AND digest NOT IN (
    SELECT digest FROM authorization_codes
    WHERE account_id = :account_id AND environment = :environment AND family_id IS NULL
    ORDER BY expires_at DESC, digest LIMIT :kept)
"""
_PRUNE = """
DELETE FROM authorization_codes WHERE digest IN (
    SELECT digest FROM authorization_codes WHERE expires_at < :before LIMIT :rows)
"""
