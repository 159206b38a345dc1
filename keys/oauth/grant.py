"""Record a user's consent to an app, as OAuth codes and grants.

A code is valid once, for ten minutes. A public app also needs the code's PKCE verifier. A new consent renews the grant
under the same ID, so earlier charges in the period still count. The caller holds the user's lock.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from kernel.clock import DAY_US, MINUTE_US
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import BASE62, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys.account_access import check_live
from keys.granted import Granted, why_ended
from keys.oauth.app import CapPeriod, OAuthApp
from keys.oauth.redirect import Registered
from keys.principal import Environment, OAuthScope
from keys.token_format import digest
from store.database import Row, Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping

CODE_LIFE_US = 10 * MINUTE_US
USED_KEPT_US = DAY_US  # used codes are stored this long, so that a second use is noticed
CODE_CHARACTERS = 16
LIVE_CODES_MAX = 20  # the maximum number of a user's codes; the oldest are deleted first
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_REFUSED = "the code is unknown, used, too old, revoked or not this app's"


class CodeRefused(DomainError):
    pass


class CodeReused(CodeRefused):
    def __init__(self, grant_id: str, user: Tenant) -> None:
        super().__init__(_REFUSED, param="code", reason="code")
        self.grant_id = grant_id
        self.user = user


@dataclass(frozen=True, slots=True)
class Consent:
    """A user's consent. The cap applies to each UTC day or month."""

    digest: str
    app_id: str
    account_id: str
    environment: Environment
    scope: OAuthScope
    cap_micros: int
    cap_period: CapPeriod

    @property
    def user(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


def is_challenge(text: str) -> bool:
    """Return whether the text could be an S256 challenge, which is 32 bytes as base64url without padding."""
    return _CHALLENGE.fullmatch(text) is not None


async def issue_code(
    tx: Transaction,
    app: OAuthApp,
    account_id: str,
    *,
    redirect_uri: str,
    challenge: str | None,
    session_id: str,
    now_us: int,
) -> str:
    if app.is_public and challenge is None:
        raise InvalidInput("This app requires a code_challenge.", param="code_challenge")
    row = await tx.fetch_one(
        """SELECT account_id FROM account_environments
           WHERE account_id = :account_id AND environment = :environment""",
        account_id=account_id,
        environment=app.environment,
    )
    if row is None:
        raise InvalidInput(f"This account has no {app.environment} wallet.")
    await check_live(tx, Tenant(account_id, app.environment))
    # Old codes are deleted only here.
    await tx.execute(
        """DELETE FROM oauth_codes
           WHERE account_id = :account_id AND environment = :environment AND (
               (expires_at <= :now_us AND used_at IS NULL) OR expires_at <= :used_before
               OR digest NOT IN (
                   SELECT digest FROM oauth_codes
                   WHERE account_id = :account_id AND environment = :environment
                   ORDER BY expires_at DESC, digest LIMIT :kept))""",
        account_id=account_id,
        environment=app.environment,
        now_us=now_us,
        used_before=now_us - USED_KEPT_US,
        kept=LIVE_CODES_MAX - 1,
    )
    code = "".join(secrets.choice(BASE62) for _ in range(CODE_CHARACTERS))
    stored = {
        "digest": digest(code),
        "account_id": account_id,
        "environment": app.environment,
        "app_id": app.id,
        "redirect_uri": redirect_uri,
        "challenge": challenge,
        "scope": app.scope,
        "cap_micros": app.cap_micros,
        "cap_period": app.cap_period,
        "expires_at": now_us + CODE_LIFE_US,
        "session_id": session_id,
    }
    await tx.insert("oauth_codes", tuple(stored), [tuple(stored.values())])
    return code


async def find_user(tx: Transaction, app: OAuthApp, code: str) -> Tenant | None:
    """Return the user whose lock `check_code` needs, or None if this app has no such code."""
    row = await _find(tx, code)
    return (
        None
        if row is None or row["app_id"] != app.id
        else Tenant(row["account_id"], app.environment)
    )


async def check_code(
    tx: Transaction,
    app: OAuthApp,
    code: str,
    *,
    redirect_uri: str | None,
    verifier: str | None,
    now_us: int,
) -> Consent:
    """Return the consent behind the code. Raise CodeReused if the code was used before, or CodeRefused if the code
    isn't valid.
    """
    row = await _find(tx, code)
    if row is None or row["app_id"] != app.id or row["revoked_at"] is not None:
        raise CodeRefused(_REFUSED, param="code", reason="code")
    if row["used_at"] is not None and row["grant_id"] is not None:
        raise CodeReused(row["grant_id"], Tenant(row["account_id"], app.environment))
    is_fresh = row["used_at"] is None and now_us < row["expires_at"]
    if not is_fresh or redirect_uri not in {None, row["redirect_uri"]}:
        raise CodeRefused(_REFUSED, param="code", reason="code")
    if not is_proven(row["challenge"], verifier):
        raise CodeRefused(
            "The code_verifier doesn't match the code.", param="code_verifier", reason="code"
        )
    why = await why_ended(tx, _granted(row), now_us=now_us)
    if why is not None:
        raise CodeRefused(f"The code is no longer valid: {why}.", param="code", reason="code")
    return Consent(
        digest=row["digest"],
        app_id=app.id,
        account_id=row["account_id"],
        environment=app.environment,
        scope=row["scope"],
        cap_micros=row["cap_micros"],
        cap_period=row["cap_period"],
    )


async def mark_code_used(tx: Transaction, consent: Consent, grant_id: str, *, now_us: int) -> None:
    touched = await tx.execute(
        """UPDATE oauth_codes SET used_at = :now_us, grant_id = :grant_id
           WHERE digest = :digest AND used_at IS NULL AND revoked_at IS NULL""",
        now_us=now_us,
        grant_id=grant_id,
        digest=consent.digest,
    )
    assert touched == 1, "a code is checked and used under its user's lock"


async def void_codes(tx: Transaction, user: Tenant, app_id: str, *, now_us: int) -> int:
    return await tx.execute(
        """UPDATE oauth_codes SET revoked_at = :now_us
           WHERE account_id = :account_id AND environment = :environment AND app_id = :app_id
             AND revoked_at IS NULL""",
        now_us=now_us,
        account_id=user.account_id,
        environment=user.environment,
        app_id=app_id,
    )


async def _find(tx: Transaction, code: str) -> Row | None:
    return await tx.fetch_one(
        """SELECT digest, account_id, app_id, redirect_uri, challenge, scope, cap_micros,
                  cap_period, expires_at, used_at, grant_id, revoked_at, session_id
           FROM oauth_codes WHERE digest = :digest""",
        digest=digest(code),
    )


def _granted(row: Row) -> Granted:
    return Granted(
        row["account_id"],
        row["expires_at"] - CODE_LIFE_US,
        session_id=row["session_id"],
        person_id=row["account_id"],
    )


def is_proven(challenge: str | None, verifier: str | None) -> bool:
    """Return whether the verifier matches. If there is no challenge, there must be no verifier (RFC 9700)."""
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


@dataclass(frozen=True, slots=True)
class Grant:
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
    """Revoke the grant until the user consents again. keys/oauth/token.py ends its tokens."""
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
