"""An MCP client and the account that lets it in, below HTTP."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import create_account, lock_tenants
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.authorization import client as clients, grant as grants, token as tokens
from keys.authorization.client import AuthorizationRefused, McpClient
from keys.authorization.grant import McpGrant
from keys.authorization.token import TokenMaker, TokenPair
from keys.principal import ACCOUNT_SCOPES, MCP_SCOPES, Principal, Refusal
from keys.token_format import digest
from store.database import Database
from tests.support.sign_ins import begin_sign_in

REDIRECT: Final = "http://127.0.0.1:3030/callback"
RESOURCE: Final = "https://topup.example.com/mcp"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636, appendix B.
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
MAKER: Final = TokenMaker(bytes(32))


@dataclass
class SignedIn:
    """One client of one account, and short ways through its life."""

    database: Database
    clock: FixedClock
    account_id: str
    client: McpClient
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, "staging")

    @property
    def person(self) -> Principal:
        """The account's owner, who is signed in."""
        return Principal(
            account_id=self.account_id,
            environment="staging",
            kind="session",
            credential_id="ses_1",
            key_id=None,
            lineage=(),
            scopes=frozenset(ACCOUNT_SCOPES),
            ip_allow_lists=(),
            expires_at=None,
            is_sandbox=False,
            approval_threshold_cents=None,
            account_email=None,
        )

    async def consent(self, **limits: Any) -> tuple[str, McpGrant, ApiKey]:
        """The code, the grant and the key of a consent."""
        new = NewKey(**{"name": "Desk", "scopes": MCP_SCOPES, **self.limits, **limits})

        async def work(tx: Any) -> tuple[str, McpGrant, ApiKey]:
            await lock_tenants(tx, [self.tenant])
            grant, key, _ = await grants.make_or_renew(
                tx,
                asker=self.person,
                client=self.client,
                limits=new,
                resource=RESOURCE,
                now_us=self.clock.now_us(),
            )
            now_us = self.clock.now_us()
            session_id = await begin_sign_in(tx, self.account_id, now_us=now_us)
            code = await grants.issue_code(
                tx,
                grant,
                redirect_uri=REDIRECT,
                challenge=CHALLENGE,
                session_id=session_id,
                now_us=self.clock.now_us(),
            )
            return code, grant, key

        return await self.database.transaction(work)

    async def exchange(self, code: str, **other: Any) -> TokenPair:
        """The code's pair; raises AuthorizationRefused, also where it ended a family."""
        given = {
            "client_id": self.client.id,
            "redirect_uri": REDIRECT,
            "verifier": VERIFIER,
            "resource": RESOURCE,
            "now_us": self.clock.now_us(),
            **other,
        }
        return _raised(
            await self.database.transaction(lambda tx: tokens.exchange(tx, MAKER, code, **given))
        )

    async def refresh(self, token: str, **other: Any) -> TokenPair:
        """The next pair; raises as exchange."""
        given = {
            "client_id": self.client.id,
            "scopes": None,
            "resource": None,
            "now_us": self.clock.now_us(),
            **other,
        }
        return _raised(
            await self.database.transaction(lambda tx: tokens.refresh(tx, MAKER, token, **given))
        )

    async def signed_in(self, **limits: Any) -> TokenPair:
        """The first pair of a new consent."""
        return await self.exchange((await self.consent(**limits))[0])

    async def revoke(self, token: str, *, client_id: str | None = None) -> ApiKey | None:
        by = client_id or self.client.id
        return await self.database.transaction(
            lambda tx: tokens.revoke(tx, token, client_id=by, now_us=self.clock.now_us())
        )

    async def end_key(self, key_id: str) -> ApiKey:
        return await self.database.transaction(
            lambda tx: api_key.revoke(
                tx, self.tenant, key_id, asker=None, now_us=self.clock.now_us()
            )
        )

    async def look_up(self, token: str) -> Principal | Refusal | None:
        wanted = digest(token)
        found = await self.database.read(
            lambda tx: tokens.load_principals(tx, [wanted], now_us=self.clock.now_us())
        )
        return found.get(wanted)

    async def works(self, token: str) -> bool:
        return isinstance(await self.look_up(token), Principal)


def challenge_of(verifier: str) -> str:
    """S256."""
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return made.rstrip(b"=").decode()


async def open_client(database: Database, clock: FixedClock) -> SignedIn:
    """An account, and a client that registered."""
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=clock.now_us())
    )
    client = await database.transaction(
        lambda tx: clients.register(
            tx, name="Desk", redirect_uris=[REDIRECT], now_us=clock.now_us()
        )
    )
    return SignedIn(database, clock, account_id, client)


def _raised(found: TokenPair | AuthorizationRefused) -> TokenPair:
    if isinstance(found, AuthorizationRefused):
        raise found
    return found
