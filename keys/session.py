"""Manage dashboard sessions. A session is a person's sign-in in one browser, with the account and environment on
display.

When the person switches the account or environment, the session gets a new token. So the new token never finds a
cached entry for the previous account or environment.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from kernel.clock import DAY_US, MINUTE_US
from kernel.errors import NotFound
from kernel.ids import AccountId, new_id
from keys import account
from keys.account_access import IS_LIVE_OPEN, SUSPENDED_FOR
from keys.principal import (
    ACCOUNT_SCOPES,
    ADMIN,
    ROLE_SCOPES,
    SCOPES,
    Colleague,
    CredentialEnded,
    Environment,
    Principal,
    Refusal,
)
from keys.staging_quota import FULL_UNTIL
from keys.token_format import digest, new_session_token
from store.database import Row, Transaction
from store.row_mapping import RowMapping

LIFE_US = 30 * DAY_US
IDLE_US = 7 * DAY_US
PRUNE_ROWS = 500
CONFIRMED_US = 10 * MINUTE_US  # how long a person isn't asked for the password again
SESSIONS_MAX = (
    20  # the maximum number of an account's sessions; the least recently used one is deleted first
)
USER_AGENT_CHARACTERS_MAX = 200
_USED = """
UPDATE sessions SET last_seen_at = :minute_at WHERE id IN (
    SELECT id FROM sessions WHERE id IN :ids[text] AND last_seen_at < :minute_at
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
mark_used = partial(account.mark_used, _USED)


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `account_id` is the person's own account. `acts_for` is the other account, if one is shown."""

    id: str
    account_id: AccountId
    environment: Environment
    user_agent: str
    created_at: int
    last_seen_at: int
    expires_at: int
    acts_for: str | None = None


async def begin(
    tx: Transaction,
    *,
    account_id: str,
    user_agent: str,
    now_us: int,
    environment: Environment = "staging",
    acts_for: str | None = None,
) -> tuple[Session, str]:
    """Begin a session. Return it with the token for its cookie. Delete ended sessions, and the oldest ones if there
    are too many.

    The caller has checked the password and holds the account's lock.
    """
    await tx.execute(
        """DELETE FROM sessions WHERE account_id = :account_id AND (
               expires_at <= :now_us OR last_seen_at <= :idle_since OR id NOT IN (
                   SELECT id FROM sessions WHERE account_id = :account_id
                   ORDER BY last_seen_at DESC, id DESC LIMIT :kept))""",
        account_id=account_id,
        now_us=now_us,
        idle_since=now_us - IDLE_US,
        kept=SESSIONS_MAX - 1,
    )
    token = new_session_token()
    session = Session(
        id=new_id("ses"),
        account_id=AccountId(account_id),
        environment=environment,
        user_agent=_printable(user_agent)[:USER_AGENT_CHARACTERS_MAX],
        created_at=now_us,
        last_seen_at=now_us,
        expires_at=now_us + LIFE_US,
        acts_for=acts_for,
    )
    row = (*_ROWS.write(session), digest(token))
    await tx.insert("sessions", (*_ROWS.columns, "digest"), [row])
    return session, token


async def switch(
    tx: Transaction, account_id: str, session_id: str, *, environment: Environment
) -> str:
    token = new_session_token()
    touched = await tx.execute(
        """UPDATE sessions SET environment = :environment, digest = :digest
           WHERE id = :id AND account_id = :account_id""",
        environment=environment,
        digest=digest(token),
        id=session_id,
        account_id=account_id,
    )
    if touched == 0:
        raise NotFound("Session")
    return token


async def act_for(tx: Transaction, person_id: str, session_id: str, account_id: str | None) -> str:
    """Show another account's staging, or the person's own account if `account_id` is None. Return the
    session's new token.

    The caller has checked that the person is a member.
    """
    token = new_session_token()
    touched = await tx.execute(
        """UPDATE sessions SET acts_for = :acts_for, environment = 'staging', digest = :digest
           WHERE id = :id AND account_id = :person_id""",
        acts_for=account_id,
        digest=digest(token),
        id=session_id,
        person_id=person_id,
    )
    if touched == 0:
        raise NotFound("Session")
    return token


async def confirm(tx: Transaction, account_id: str, session_id: str, *, now_us: int) -> None:
    touched = await tx.execute(
        """UPDATE sessions SET confirmed_at = :now_us
           WHERE id = :id AND account_id = :account_id""",
        now_us=now_us,
        id=session_id,
        account_id=account_id,
    )
    if touched == 0:
        raise NotFound("Session")


async def is_confirmed(tx: Transaction, session_id: str, *, now_us: int) -> bool:
    row = await tx.fetch_one("SELECT confirmed_at FROM sessions WHERE id = :id", id=session_id)
    if row is None or row["confirmed_at"] is None:
        return False
    # A clock that was set back must not extend the confirmation.
    return 0 <= now_us - int(row["confirmed_at"]) < CONFIRMED_US


async def check(tx: Transaction, session_id: str) -> None:
    """Raise CredentialEnded if the session has ended. A cached credential may still look valid."""
    if await tx.fetch_one("SELECT 1 FROM sessions WHERE id = :id", id=session_id) is None:
        raise CredentialEnded("the credential is revoked", reason="revoked")


async def list_sessions(tx: Transaction, account_id: str, *, now_us: int) -> list[Session]:
    rows = await tx.fetch(_LIVE, account_id=account_id, now_us=now_us, idle_since=now_us - IDLE_US)
    return [_ROWS.read(row) for row in rows]


async def end(tx: Transaction, account_id: str, session_id: str) -> None:
    """Sign out. Raise NotFound for another account's session."""
    touched = await tx.execute(
        "DELETE FROM sessions WHERE id = :id AND account_id = :account_id",
        id=session_id,
        account_id=account_id,
    )
    if touched == 0:
        raise NotFound("Session")


async def end_of_token(tx: Transaction, token: str) -> None:
    await tx.execute("DELETE FROM sessions WHERE digest = :digest", digest=digest(token))


async def end_others(tx: Transaction, account_id: str, kept_id: str = "", *, now_us: int) -> int:
    await tx.execute(
        "UPDATE accounts SET access_ended_at = :now_us WHERE id = :id", now_us=now_us, id=account_id
    )
    return await tx.execute(
        "DELETE FROM sessions WHERE account_id = :account_id AND id <> :kept_id",
        account_id=account_id,
        kept_id=kept_id,
    )


async def prune_some(tx: Transaction, *, after_id: str, now_us: int) -> str | None:
    """Check the next PRUNE_ROWS sessions, and delete the ended ones. Return where to continue, or None."""
    rows = await tx.fetch(
        "SELECT id FROM sessions WHERE id > :after_id ORDER BY id LIMIT :rows",
        after_id=after_id,
        rows=PRUNE_ROWS,
    )
    ids: list[str] = [row["id"] for row in rows]
    if ids:
        await tx.execute(
            """DELETE FROM sessions WHERE id IN :ids[text]
                 AND (expires_at <= :now_us OR last_seen_at <= :idle_since)""",
            ids=ids,
            now_us=now_us,
            idle_since=now_us - IDLE_US,
        )
    return ids[-1] if len(ids) == PRUNE_ROWS else None


async def load_principals(
    tx: Transaction, digests: Iterable[str], *, now_us: int
) -> dict[str, Principal | Refusal]:
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    rows = await tx.fetch(
        f"""SELECT s.id, s.account_id AS person_id, s.acts_for, s.environment, s.digest, s.last_seen_at,
                  s.expires_at, m.role, m.email AS member_email, f.confirmed_at AS asks_code_since, a.id AS account_id, a.name,
                  a.is_operator, a.is_sandbox, a.email, {IS_LIVE_OPEN}, {SUSPENDED_FOR}, {FULL_UNTIL}
           FROM sessions s JOIN accounts a ON a.id = COALESCE(s.acts_for, s.account_id)
           LEFT JOIN members m ON m.account_id = s.acts_for AND m.person_id = s.account_id
               AND m.removed_at IS NULL
           LEFT JOIN second_factors f ON f.account_id = s.account_id
           WHERE s.digest IN :digests[text]""",
        digests=wanted,
    )
    return {row["digest"]: _principal(row, now_us) for row in rows}


def forgery_token(token: str) -> str:
    """Return the token that protects this session's forms. It doesn't reveal the session's token."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_forgery_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), forgery_token(token).encode())


_ROWS = RowMapping(Session)
_LIVE = f"""
SELECT {_ROWS.listed} FROM sessions
WHERE account_id = :account_id AND expires_at > :now_us AND last_seen_at > :idle_since
ORDER BY last_seen_at DESC, id DESC
"""


def _principal(row: Row, now_us: int) -> Principal | Refusal:
    expires_at: int = min(row["expires_at"], row["last_seen_at"] + IDLE_US)
    if expires_at <= now_us:
        return Refusal("expired")
    if row["environment"] == "live" and not row["is_live_open"]:
        return Refusal("live_closed")
    if row["acts_for"] is not None and row["role"] is None:
        return Refusal("revoked")
    is_sandbox = bool(row["is_sandbox"])
    return Principal(
        account_id=row["account_id"],
        environment=row["environment"],
        kind="session",
        credential_id=row["id"],
        key_id=None,
        lineage=(),
        scopes=_scopes(row),
        ip_allow_lists=(),
        expires_at=expires_at,
        is_sandbox=is_sandbox,
        approval_threshold_cents=None,
        account_email=row["email"],
        colleague=None
        if row["role"] is None
        else Colleague(row["person_id"], row["member_email"], row["role"], row["name"]),
        asks_code=row["asks_code_since"] is not None,
        suspended_for=row["suspended_for"],
        staging_full_until=row["staging_full_until"],
    )


def _scopes(row: Row) -> frozenset[str]:
    if row["role"] is not None:
        return ROLE_SCOPES[row["role"]]
    scopes = frozenset(SCOPES if row["is_operator"] else ACCOUNT_SCOPES)
    return scopes - {ADMIN} if row["is_sandbox"] else scopes


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
