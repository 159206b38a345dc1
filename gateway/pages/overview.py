"""The dashboard's first page."""

from gateway.call import Call
from gateway.fields import Fields
from gateway.pages.render import page
from gateway.pages.route import page_route
from gateway.routing import Reply
from keys.principal import ACCOUNT_SCOPES


async def show(call: Call[Fields, Fields]) -> Reply:
    """Where things stand."""
    return page(call, "overview.html")


ROUTES = (page_route("GET", "", show, "Overview", ACCOUNT_SCOPES),)
