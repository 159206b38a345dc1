"""The ASGI application: its surfaces, its pages and what stands around them, on one screen.

Edge            every request: request id, one answer whatever happens, security headers, log
  Pipeline      paths of a surface: credential, limits, scope, body, then the handler
  Starlette     everything else: health, and the pages
"""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from gateway import envelope
from gateway.api import (
    approvals,
    codes,
    deliveries,
    docs_events,
    events,
    fulfilments,
    health,
    keys,
    notices,
    replays,
    sandbox,
    statement,
    tokens,
    topups,
    vouchers,
    wallets,
    webhooks,
)
from gateway.edge import Edge
from gateway.routing import Router, Surface
from runtime.context import Context

API_PREFIX = "/api/public/v1"

API = Surface(
    API_PREFIX,
    (
        *topups.ROUTES,
        *wallets.ROUTES,
        *statement.ROUTES,
        *vouchers.ROUTES,
        *approvals.ROUTES,
        *sandbox.ROUTES,
        *fulfilments.ROUTES,
        *keys.ROUTES,
        *tokens.ROUTES,
        *webhooks.ROUTES,
        *events.ROUTES,
        *deliveries.ROUTES,
        *replays.ROUTES,
        *notices.ROUTES,
        *codes.ROUTES,
    ),
    envelope.refuse,
)
SURFACES = (API,)


def create_app(context: Context) -> ASGIApp:
    """The application over an open context, which stays the caller's to close.

    The edge stands around Starlette, not inside it as a middleware: a call of a surface then costs
    nothing of Starlette's own layers [3 us of 60].
    """
    pages = Starlette(routes=[*health.routes(context), *docs_events.routes(context)])
    return Edge(pages, context=context, router=Router(SURFACES))
