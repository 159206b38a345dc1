"""Assemble the ASGI application: the edge, the APIs' pipelines, and Starlette for health checks and pages."""

import functools
from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway import operator_api
from gateway.answers.compression import compressed
from gateway.api import health
from gateway.api.money import provider_notifications as payments
from gateway.authorization import endpoint as authorization
from gateway.authorization.addresses import MCP
from gateway.dashboard.refused import outside
from gateway.dashboard.surface import PAGES
from gateway.docs import changelog, events, pages as docs, search, webhook_keys, well_known
from gateway.html import static
from gateway.html.render import THEME_COOKIE, THEMES
from gateway.html.static import brand_files
from gateway.http.documents import Documents
from gateway.http.edge import Edge
from gateway.http.routing import ApiSurface, Router
from gateway.mcp import endpoint as mcp
from gateway.openapi import serve as openapi
from gateway.openapi.document import OPERATORS
from gateway.repair import repaired
from gateway.surfaces import API_PREFIX as API_PREFIX, SURFACES as SURFACES
from runtime.context import Context


def create_app(context: Context, *, is_stopping: Callable[[], bool] = lambda: False) -> ASGIApp:
    """Build the application. The caller opens and closes the context."""
    elsewhere = outside(context)
    documents = documents_of(context)
    pages = Starlette(
        routes=open_routes(context, documents, is_stopping),
        exception_handlers={404: elsewhere, 405: elsewhere},
    )
    return Edge(
        compressed(pages),
        context=context,
        documents=documents,
        router=router_of(context),
        repaired=repaired,
        challenges={MCP: mcp.challenges},
    )


def documents_of(context: Context) -> Documents:
    return Documents(
        has_public_url=context.settings.public_url != "",
        choices={THEME_COOKIE: THEMES, docs.LANGUAGE_COOKIE: docs.LANGUAGES},
        query_of=partial(static.query_of, brand_files(context.settings.brand).files),
    )


def open_routes(
    context: Context, documents: Documents, is_stopping: Callable[[], bool] = lambda: False
) -> list[Route]:
    guides = docs.Pages(context.settings.public_url, SURFACES)
    return [
        *health.routes(context, partial(health.stopping_check, is_stopping)),
        *events.routes(context, guides, documents),
        *docs.routes(context, guides, documents),
        *changelog.routes(guides, documents),
        *search.routes(guides),
        *well_known.crawler_routes(guides, documents),
        *well_known.routes(context, API_PREFIX, documents),
        *authorization.metadata_routes(context, documents),
        *well_known.proof_routes(context),
        *webhook_keys.routes(context),
        *openapi.routes(context, (*SURFACES, *_callbacks(context)), documents),
        *_operators_document(context, documents),
        *static.routes(documents, brand_files(context.settings.brand).files),
    ]


def router_of(context: Context) -> Router:
    return _routes_of_ours().beside((*_callbacks(context), *_operators(context)))


def _operators(context: Context) -> tuple[ApiSurface, ...]:
    return (operator_api.SURFACE,) if context.settings.operator_api else ()


def _operators_document(context: Context, documents: Documents) -> list[Route]:
    surfaces = _operators(context)
    if not surfaces:
        return []
    path, api = openapi.OPERATOR_PATH, OPERATORS
    return openapi.routes(context, surfaces, documents, path=path, api=api)


def _callbacks(context: Context) -> tuple[ApiSurface, ...]:
    return payments.surfaces(context.payments.providers)


@functools.cache
def _routes_of_ours() -> Router:
    return Router((*SURFACES, mcp.surface(), authorization.SURFACE, *PAGES))
