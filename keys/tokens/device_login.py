"""Log in the command line through a user's browser (RFC 8628). The program uses one code, and the user enters another.

The key is created when the program fetches it, so no backup or log contains it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from kernel.clock import DAY_US, MINUTE_US, SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import lock_tenants
from keys.account_access import check_live
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.api_keys.grantable import check_room
from keys.granted import Granted, person_of, scopes_handed_on, why_ended
from keys.normalise import normalise_name
from keys.principal import ACCOUNT_SCOPES, Environment
from keys.token_format import digest
from store.database import Row, Transaction

LIFE_US: Final = 10 * MINUTE_US
LIFE_S: Final = LIFE_US // SECOND_US
INTERVAL_S: Final = 2
# Each slow_down adds this to the interval between later polls (RFC 8628, 3.5).
SLOWER_S: Final = 5
INTERVAL_S_MAX: Final = 60
PRUNE_ROWS: Final = 500
NAME_CHARACTERS_MAX: Final = 60
DEVICE_CODE_BYTES: Final = 32
# Without vowels, codes form no words (RFC 8628, 6.1). 34 bits are enough for ten minutes and a
# limited number of tries.
USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_CHARACTERS: Final = 8
KEY_LIVES_DAYS: Final = (1, 30, 90)

LoginStatus = Literal["pending", "approved", "denied", "taken"]


class LoginExpired(DomainError):
    pass


class LoginDenied(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """A program's request to be logged in. The program chose `name`. `address` isn't verified."""

    digest: str
    name: str
    address: str
    status: LoginStatus
    created_at: int
    expires_at: int
    interval_s: int
    polled_at: int | None
    account_id: str | None
    environment: Environment | None
    scopes: tuple[str, ...]
    key_expires_at: int | None
    decided_by: str | None
    decided_at: int | None

    @property
    def tenant(self) -> Tenant:
        assert self.account_id is not None
        assert self.environment is not None
        return Tenant(self.account_id, self.environment)


@dataclass(frozen=True, slots=True)
class Begun:
    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class LoginWaiting:
    """The user hasn't decided yet. If `is_too_fast`, the program polled too early, so interval_s has grown."""

    interval_s: int
    expires_in_s: int
    is_too_fast: bool


@dataclass(frozen=True, slots=True)
class LoggedIn:
    key: ApiKey
    secret: str
    decided_by: str


async def begin(tx: Transaction, *, name: str, address: str, now_us: int) -> Begun:
    name = normalise_name(name)
    if len(name) > NAME_CHARACTERS_MAX:
        raise InvalidInput(
            f"The name must have 1 to {NAME_CHARACTERS_MAX} characters.", param="name"
        )
    await prune(tx, now_us=now_us)
    begun = Begun(
        secrets.token_urlsafe(DEVICE_CODE_BYTES),
        "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_CHARACTERS)),
    )
    columns = {
        "digest": digest(begun.device_code),
        "user_digest": digest(begun.user_code),
        "name": name,
        "address": address,
        "status": "pending",
        "created_at": now_us,
        "expires_at": now_us + LIFE_US,
        "interval_s": INTERVAL_S,
    }
    await tx.insert("device_logins", tuple(columns), [tuple(columns.values())])
    return begun


def shown(user_code: str) -> str:
    half = USER_CODE_CHARACTERS // 2
    return f"{user_code[:half]}-{user_code[half:]}"


def read_user_code(text: str) -> str | None:
    letters = "".join(one for one in text.upper() if one not in "- \t")
    is_code = len(letters) == USER_CODE_CHARACTERS and set(letters) <= set(USER_CODE_LETTERS)
    return letters if is_code else None


async def find_open(tx: Transaction, user_code: str, *, now_us: int) -> DeviceLogin | None:
    row = await tx.fetch_one(
        """SELECT * FROM device_logins
           WHERE user_digest = :digest AND status = 'pending' AND expires_at > :now_us""",
        digest=digest(user_code),
        now_us=now_us,
    )
    return None if row is None else _read(row)


async def approve(
    tx: Transaction,
    login: DeviceLogin,
    tenant: Tenant,
    *,
    scopes: Sequence[str],
    life_days: int | None,
    by: str,
    now_us: int,
) -> bool:
    """Approve the login for these scopes. This locks the tenant. Return False if the login is no longer open."""
    if not scopes or not set(scopes) <= set(ACCOUNT_SCOPES):
        raise InvalidInput("Choose at least one scope.", param="scopes")
    if life_days is not None and life_days not in KEY_LIVES_DAYS:
        raise InvalidInput("Choose how long the key is valid.", param="life_days")
    await lock_tenants(tx, [tenant])
    await check_live(tx, tenant)
    await check_room(tx, tenant)
    changed = await tx.execute(
        """UPDATE device_logins SET status = 'approved', account_id = :account_id,
               environment = :environment, scopes = :scopes, key_expires_at = :key_expires_at,
               decided_by = :by, decided_at = :now_us
           WHERE digest = :digest AND status = 'pending' AND expires_at > :now_us""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        scopes=" ".join(scope for scope in ACCOUNT_SCOPES if scope in scopes),
        key_expires_at=None if life_days is None else now_us + life_days * DAY_US,
        by=by,
        now_us=now_us,
        digest=login.digest,
    )
    return changed == 1


async def deny(
    tx: Transaction, login: DeviceLogin, account_id: str, *, by: str, now_us: int
) -> bool:
    changed = await tx.execute(
        """UPDATE device_logins SET status = 'denied', account_id = :account_id, decided_by = :by,
               decided_at = :now_us
           WHERE digest = :digest AND status = 'pending' AND expires_at > :now_us""",
        account_id=account_id,
        by=by,
        now_us=now_us,
        digest=login.digest,
    )
    return changed == 1


async def find(tx: Transaction, device_code: str, *, now_us: int) -> DeviceLogin:
    row = await tx.fetch_one(
        "SELECT * FROM device_logins WHERE digest = :digest", digest=digest(device_code)
    )
    login = None if row is None else _read(row)
    if login is None or login.status == "taken" or login.expires_at <= now_us:
        raise expired()
    if login.status == "denied":
        raise LoginDenied("The user refused this login.", reason="access_denied")
    return login


async def wait(tx: Transaction, login: DeviceLogin, *, now_us: int) -> LoginWaiting:
    """Record a poll of an open login. A poll that comes too early lengthens the interval between later polls."""
    interval_s = login.interval_s
    is_too_fast = login.polled_at is not None and now_us < login.polled_at + interval_s * SECOND_US
    if is_too_fast:
        interval_s = min(interval_s + SLOWER_S, INTERVAL_S_MAX)
    await tx.execute(
        """UPDATE device_logins SET polled_at = :now_us, interval_s = :interval_s
           WHERE digest = :digest""",
        now_us=now_us,
        interval_s=interval_s,
        digest=login.digest,
    )
    return LoginWaiting(interval_s, (login.expires_at - now_us) // SECOND_US, is_too_fast)


async def take(tx: Transaction, login: DeviceLogin, *, now_us: int) -> LoggedIn:
    """Create the key of an approved login. This locks its tenant.

    Only one caller succeeds. Others get LoginExpired. If the user who approved the login has lost access, raise
    LoginDenied. After an error from api_key.mint, the program can poll again.
    """
    tenant = login.tenant
    await lock_tenants(tx, [tenant])
    made_by = await _check_granted(tx, login, now_us=now_us)
    changed = await tx.execute(
        """UPDATE device_logins SET status = 'taken'
           WHERE digest = :digest AND status = 'approved' AND expires_at > :now_us""",
        digest=login.digest,
        now_us=now_us,
    )
    if changed != 1:
        raise expired()
    ends_at = login.key_expires_at
    if ends_at is not None:
        # A key expires on its account's clock, which may be ahead.
        ends_at += await sandbox_clock.ahead_us(tx, tenant)
    new = NewKey(name=f"topup on {login.name}", scopes=login.scopes, expires_at=ends_at)
    key, secret = await api_key.mint(
        tx,
        account_id=tenant.account_id,
        environment=cast(Environment, tenant.environment),
        parent=None,
        new=new,
        made_by=made_by,
        now_us=now_us,
    )
    return LoggedIn(key, secret, login.decided_by or "")


async def withdraw(tx: Transaction, digests: Sequence[str]) -> None:
    await tx.execute(
        """UPDATE device_logins SET status = 'denied'
           WHERE digest IN :digests[text] AND status = 'approved'""",
        digests=sorted(digests),
    )


async def prune(tx: Transaction, *, now_us: int) -> int:
    return await tx.execute(
        """DELETE FROM device_logins WHERE digest IN (
               SELECT digest FROM device_logins WHERE expires_at <= :now_us
               ORDER BY expires_at LIMIT :rows)""",
        now_us=now_us,
        rows=PRUNE_ROWS,
    )


def expired() -> LoginExpired:
    return LoginExpired(
        "The device code is unknown, used or older than ten minutes. Log in again.",
        param="device_code",
        reason="expired_token",
    )


async def _check_granted(tx: Transaction, login: DeviceLogin, *, now_us: int) -> str:
    assert login.decided_at is not None, "somebody allowed it"
    allowed = Granted(
        login.tenant.account_id,
        login.decided_at,
        scopes=scopes_handed_on(login.scopes),
        session_id=login.decided_by,
    )
    why = await why_ended(tx, allowed, now_us=now_us)
    if why is not None:
        raise LoginDenied(
            f"This login can't get a key: {why}. Log in again.", reason="access_denied"
        )
    return await person_of(tx, login.decided_by or "")


def _read(row: Row) -> DeviceLogin:
    return DeviceLogin(
        digest=row["digest"],
        name=row["name"],
        address=row["address"],
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        interval_s=row["interval_s"],
        polled_at=row["polled_at"],
        account_id=row["account_id"],
        environment=row["environment"],
        scopes=tuple((row["scopes"] or "").split()),
        key_expires_at=row["key_expires_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )
