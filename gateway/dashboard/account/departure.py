"""List what a colleague made, for their account's owner, with a button that ends all of it."""

from typing import Any, Final

from billing.team.acts import END_WORK
from billing.team.ending import Made, made_by
from gateway.dashboard.account.team import PATH
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields
from keys import member
from keys.member import Member
from keys.principal import ACCOUNT_SCOPES, require_owner
from store.database import Transaction

# Of each kind.
SHOWN_MAX: Final = 50
_KINDS: Final = {
    "keys": (phrase("API keys"), phrase("They keep working until you end them.")),
    "endpoints": (phrase("Endpoints"), phrase("They keep working until you end them.")),
    "apps": (
        phrase("Apps"),
        phrase("They keep working for their users until you end them."),
    ),
    "sends": (
        phrase("Sends for later"),
        phrase(
            "After their removal, each send waits for your approval at its time, then fails after 72 hours."
        ),
    ),
    "batches": (phrase("Bulk sends"), phrase("Unsent items wait for your approval, too.")),
    "logins": (phrase("Open logins"), phrase("After their removal, these logins give no key.")),
}


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    require_owner(call.principal)
    found, made = await call.context.database.read(lambda tx: _find(tx, call))
    groups = [
        (kind, words, getattr(made, kind), getattr(made, kind)[:SHOWN_MAX])
        for kind, words in _KINDS.items()
    ]
    return page(call, "departure.html", member=found, made=made, groups=groups)


async def end(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await run_own(call, END_WORK)
    return go(f"{PATH}/{call.params['member_id']}/made", said="work-ended")


async def _find(tx: Transaction, call: RequestContext[Any, Any]) -> tuple[Member, Made]:
    account_id = call.principal.account_id
    found = await member.get(tx, account_id, call.params["member_id"])
    if found.person_id is None:
        raise NotFound("Member")
    return found, await made_by(tx, account_id, found.person_id, now_us=call.now_us)


ROUTES = (
    page_route("GET", "/team/{member_id}/made", show, "What a colleague made", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/end", end, "End what a colleague made", ACCOUNT_SCOPES),
)
