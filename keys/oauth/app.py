"""Manage OAuth apps: third-party software that acts for users with their consent.

This module returns a secret once, and stores only its SHA-256. The caller holds the owner's lock.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import BASE62, new_id
from kernel.limits import INT64_MAX, PAGE_ITEMS
from kernel.tenant import Tenant
from keys.account_access import check_live
from keys.api_keys.grantable import check_room
from keys.normalise import normalise_name
from keys.oauth.redirect import Registered, register
from keys.principal import OAUTH_SCOPES, Environment, OAuthScope
from keys.token_format import digest, last4
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS, RowMapping

CapPeriod = Literal["day", "month"]
CAP_PERIODS: tuple[CapPeriod, ...] = get_args(CapPeriod)
CAP_MICROS = 10_000_000  # $10.00 of a user's credit
CAP_MICROS_MAX = INT64_MAX // 1_000
LIVE_APPS_MAX = 100
_SECRET_CHARACTERS = 43  # base62: 256 bits
_LIVE = """
SELECT COUNT(*) AS live FROM oauth_apps
WHERE account_id = :account_id AND environment = :environment AND disabled_at IS NULL
"""


class ClientRefused(DomainError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """An app to register. `cap_micros` limits what the app can charge one user in each UTC day or month.

    `redirect_uris` must match exactly. `redirect_host` allows every path on a host. A public app can't protect
    a secret, so it needs PKCE and exact addresses.
    """

    name: str
    scope: str
    redirect_uris: Sequence[str] = ()
    redirect_host: str = ""
    is_public: bool = False
    cap_micros: int = CAP_MICROS
    cap_period: str = "month"


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An app. Its ID is the client_id. `redirect_host` never contains the default port."""

    id: str
    account_id: str
    environment: Environment
    name: str
    redirect_host: str
    redirect_uris: tuple[str, ...]
    is_public: bool
    scope: OAuthScope
    cap_micros: int
    cap_period: CapPeriod
    secret_last4: str
    created_at: int
    rotated_at: int | None
    disabled_at: int | None

    @property
    def owner(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def registered(self) -> Registered:
        return Registered(self.redirect_host, self.redirect_uris)


async def create(
    tx: Transaction, owner: Tenant, new: NewApp, *, now_us: int, made_by: str | None = None
) -> tuple[OAuthApp, str]:
    """Return a new app and its secret, which is never shown again. The secret of a public app is empty."""
    await check_live(tx, owner)
    registered = register(new.redirect_host, new.redirect_uris)
    if new.is_public and registered.host:
        raise InvalidInput(
            "A public app must register exact addresses, not a whole host.", param="redirect_host"
        )
    if new.scope not in OAUTH_SCOPES:
        raise InvalidInput(f"`scope` must be one of {', '.join(OAUTH_SCOPES)}.", param="scope")
    if new.cap_period not in CAP_PERIODS:
        raise InvalidInput(
            f"The cap's period must be one of {', '.join(CAP_PERIODS)}.", param="cap_period"
        )
    if not 0 <= new.cap_micros <= CAP_MICROS_MAX:
        raise InvalidInput("The cap is negative or too large.", param="cap_cents")
    await check_room(tx, owner, _LIVE, most=LIVE_APPS_MAX, what="apps that are not disabled")
    secret = "" if new.is_public else _new_secret()
    app = OAuthApp(
        id=new_id("app"),
        account_id=owner.account_id,
        environment=cast(Environment, owner.environment),
        name=normalise_name(new.name),
        redirect_host=registered.host,
        redirect_uris=tuple(registered.uris),
        is_public=new.is_public,
        scope=new.scope,
        cap_micros=new.cap_micros,
        cap_period=new.cap_period,
        secret_last4=last4(secret),
        created_at=now_us,
        rotated_at=None,
        disabled_at=None,
    )
    row = (*_ROWS.write(app), digest(secret) if secret else "", made_by)
    await tx.insert("oauth_apps", (*_ROWS.columns, "secret_digest", "made_by"), [row])
    return app, secret


async def list_apps(
    tx: Transaction, owner: Tenant, *, before_id: Begin = None, limit: int = PAGE_ITEMS
) -> list[OAuthApp]:
    rows = await _PAGES.page(tx, owner, before_id=before_id, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def find(tx: Transaction, app_id: str) -> OAuthApp | None:
    row = await tx.fetch_one(_FIND, id=app_id)
    return None if row is None else _ROWS.read(row)


async def get_own(tx: Transaction, owner: Tenant, app_id: str) -> OAuthApp:
    found = await find(tx, app_id)
    if found is None or found.owner != owner:
        raise NotFound("App")
    return found


async def authenticate(tx: Transaction, app_id: str, secret: str | None) -> OAuthApp:
    """Return the app with this ID and secret. Raise ClientRefused if there is no such app. A public app has no secret.
    Its code's verifier authenticates it.
    """
    row = await tx.fetch_one(_FIND, id=app_id)
    stored = "" if row is None else row["secret_digest"]
    if row is not None and row["is_public"]:
        is_known = not secret
    else:
        is_known = hmac.compare_digest(stored.encode(), digest(secret or "").encode())
    if row is None or not is_known or row["disabled_at"] is not None:
        raise ClientRefused(
            "No app has this client_id and client_secret.", param="client_secret", reason="client"
        )
    return _ROWS.read(row)


async def rotate(
    tx: Transaction, owner: Tenant, app_id: str, *, now_us: int
) -> tuple[OAuthApp, str]:
    """Make a new secret. The old one stops working at the commit. Tokens remain valid."""
    app = await get_own(tx, owner, app_id)
    if app.disabled_at is not None:
        raise NotFound("App")
    if app.is_public:
        raise InvalidInput("A public app has no secret.", param="app_id")
    secret = _new_secret()
    await tx.execute(
        """UPDATE oauth_apps SET secret_digest = :digest, secret_last4 = :last4,
               rotated_at = :now_us WHERE id = :id""",
        digest=digest(secret),
        last4=last4(secret),
        now_us=now_us,
        id=app_id,
    )
    return await get_own(tx, owner, app_id), secret


async def disable(tx: Transaction, owner: Tenant, app_id: str, *, now_us: int) -> OAuthApp:
    app = await get_own(tx, owner, app_id)
    if app.disabled_at is None:
        await tx.execute(
            "UPDATE oauth_apps SET disabled_at = :now_us WHERE id = :id", now_us=now_us, id=app_id
        )
    return await get_own(tx, owner, app_id)


_ROWS = RowMapping(OAuthApp, stored={"redirect_uris": WORDS})
_FIND = f"SELECT {_ROWS.listed}, secret_digest FROM oauth_apps WHERE id = :id"
_PAGES = Keyset(
    _ROWS.listed, "oauth_apps", "account_id = :account_id AND environment = :environment"
)


def _new_secret() -> str:
    return "oas_" + "".join(secrets.choice(BASE62) for _ in range(_SECRET_CHARACTERS))
