"""List the user's connected apps and their charges, and end an app's access."""

from dataclasses import dataclass
from typing import Final

from billing.usage.oauth_charge import OAuthCharge, list_charges, load_spent
from gateway.dashboard.act import button_route
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import cursor_id
from gateway.http.own_acts import run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from kernel.limits import PAGE_ITEMS
from keys.oauth import grant as oauth_grant, token as oauth_token
from keys.oauth.acts import END_GRANT, END_TOKEN
from keys.oauth.grant import Grant
from keys.oauth.token import OAuthToken
from keys.principal import OAUTH_SCOPES
from store.database import Transaction

PATH: Final = "/dashboard/grants"
_SCOPES: Final = ("keys:write",)


@dataclass(frozen=True, slots=True)
class Connected:
    """`spent_micros` is what the app charged in the current period."""

    grant: Grant
    spent_micros: int

    @property
    def state(self) -> str:
        if self.grant.disabled_at is not None:
            return "disabled"
        return "active" if self.grant.revoked_at is None else "revoked"

    @property
    def may_charge(self) -> bool:
        return self.grant.scope != OAUTH_SCOPES[0]


async def show_all(call: RequestContext[Fields, Fields]) -> Reply:
    user, before_id = (
        call.principal.tenant,
        cursor_id(read_query(call).text("cursor") or None, "ogr"),
    )

    async def work(tx: Transaction) -> list[Connected]:
        found = await oauth_grant.list_grants(tx, user, before_id=before_id, limit=PAGE_ITEMS + 1)
        spent = await load_spent(tx, user, found, now_us=call.now_us)
        return [Connected(grant, spent[grant.id]) for grant in found]

    found = await call.context.database.read(work)
    more = found[PAGE_ITEMS - 1].grant.id if len(found) > PAGE_ITEMS else None
    return page(call, "grants.html", connected=found[:PAGE_ITEMS], more=more)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    user, grant_id = call.principal.tenant, call.params["grant_id"]
    before_id = cursor_id(read_query(call).text("cursor") or None, "chg")

    async def work(tx: Transaction) -> tuple[Connected, list[OAuthToken], list[OAuthCharge]]:
        grant = await oauth_grant.get(tx, user, grant_id)
        spent = await load_spent(tx, user, [grant], now_us=call.now_us)
        tokens = await oauth_token.list_live(tx, user, grant_id, now_us=call.now_us)
        charges = await list_charges(
            tx, user, grant_id=grant_id, before_id=before_id, limit=PAGE_ITEMS + 1
        )
        return Connected(grant, spent[grant.id]), tokens, charges

    connected, tokens, charges = await call.context.database.read(work)
    return page(
        call,
        "grant.html",
        connected=connected,
        tokens=tokens if connected.state == "active" else [],
        charges=charges[:PAGE_ITEMS],
        more=charges[PAGE_ITEMS - 1].id if len(charges) > PAGE_ITEMS else None,
    )


async def end_token(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    ended = await run_own(call, END_TOKEN)
    return go(f"{PATH}/{ended['grant_id']}", said="token-revoked")


ROUTES = (
    page_route("GET", "/grants", show_all, "Connected apps", _SCOPES),
    page_route("GET", "/grants/{grant_id}", show, "A connected app", _SCOPES),
    button_route("/grants/{grant_id}/end", END_GRANT, "app-removed", then=PATH),
    page_route("POST", "/grants/tokens/{token_id}/end", end_token, "End its token", _SCOPES),
)
