"""Declare the route table, and find a request's route in it."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import fields
from starlette.types import ASGIApp

from gateway.answers.answer import Answer
from gateway.answers.outcome import Outcome
from gateway.answers.refusals import Refuse
from gateway.http.body import Media
from gateway.http.fields import Shape, shape_of
from gateway.http.request_context import RequestContext
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields
from kernel.limits import BODY_BYTES_MAX
from keys.principal import OAUTH_SCOPES, OPERATOR_SCOPES, SCOPES

Reply = Answer | ASGIApp
Handler = Callable[[RequestContext[Any, Any]], Awaitable[Reply]]
# A function that parses a body. It gets the bytes, the headers, the query and the credential's environment.
Decode = Callable[[bytes, Mapping[bytes, bytes], Fields, str | None], Fields]

PARAM_CHARACTERS_MAX = 128
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PARAM = re.compile(r"\{(\w+)\}")
_KINDS = {
    "transaction_id": "Transaction",
    "endpoint_id": "Webhook",
    "member_id": "Member",
    "event_id": "Event",
    "delivery_id": "Delivery",
    "logged_id": "Request",
    "replay_id": "Replay",
    "key_id": "Key",
    "account": "Account",
    "token_id": "Token",
    "code": "Voucher",
    "approval_id": "Approval",
    "hold_id": "Hold",
    "order_id": "Order",
    "refund_id": "Refund",
    "payment_id": "Payment",
    "customer_ref": "Customer",
    "document_id": "Document",
    "passkey_id": "Passkey",
    "plan_id": "Plan",
    "session_id": "Session",
    "grant_id": "Connected app",
    "app_id": "App",
    "checkout_token": "Checkout",
    "portal_token": "Portal",
    "claim_token": "Page",
    "decide_token": "Page",
    "mail_token": "Page",
    "invitation_token": "Invitation",
    "password_token": "Link",
    "sign_in_token": "Link",
    "address_token": "Link",
    "receipt_token": "Page",
    "link_token": "Page",
    "link_id": "Link",
    "status_token": "Page",
    "difference_id": "Difference",
    "mail_id": "Mail",
    "form_id": "Order",
    "subscription_id": "Subscription",
    "period_id": "Period",
    "pack_id": "Pack",
    "coupon_code": "Coupon",
    "entitlement_name": "Entitlement",
    "batch_id": "Batch",
    "code_id": "Code",
    "act": "Act",
    "supplier": "Supplier",
    "platform": "Platform",
    "method_ref": "Payment method",
    "card_token": "Checkout",
}


class MethodNotAllowed(DomainError):
    def __init__(self, allow: Sequence[str]) -> None:
        super().__init__(f"this path takes {', '.join(allow)}", extra={"allow": list(allow)})
        self.allow = allow


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path under an API's prefix, and the requirements for a request.

    - scopes: the caller must have one of them. Only a route that is_public has none, because it needs no
      credential.
    - media: the accepted body types. A raw body isn't parsed.
    - decode: a function that parses the body instead.
    - session_only: only a user in a browser may call it.
    - asks_password: the user must have entered the password recently (only in live).
    - is_for_suspended, is_for_paused: suspended or paused callers may call it, because it only removes access
      or returns funds.
    - takes_mcp: an MCP client's token is accepted, too.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scopes: tuple[str, ...] = ()
    body: type[Fields] = Fields
    query: type[Fields] = Fields
    is_public: bool = False
    takes_key: bool = True
    media: Media = "json"
    session_only: bool = False
    asks_password: bool = False
    decode: Decode | None = None
    body_bytes_max: int = BODY_BYTES_MAX
    is_for_paused: bool = False
    is_for_suspended: bool = False
    takes_mcp: bool = False
    description: str = ""
    answers: tuple[Outcome, ...] = ()
    refuses: tuple[int, ...] = ()
    body_shape: Shape[Fields] = field(init=False, repr=False, compare=False)
    query_shape: Shape[Any] = field(init=False, repr=False, compare=False)
    no_query: Fields | None = field(init=False, repr=False, compare=False)
    is_unsafe: bool = field(init=False, repr=False, compare=False)
    is_form: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert bool(self.scopes) is not self.is_public, f"{self.path}: scopes, or public"
        known = {*SCOPES, *OAUTH_SCOPES, *OPERATOR_SCOPES}
        assert {*self.scopes} <= known, f"{self.path}: no such scope"
        object.__setattr__(self, "body_shape", shape_of(self.body))
        object.__setattr__(self, "query_shape", shape_of(self.query))
        is_needed = any(one.required for one in fields(self.query))
        object.__setattr__(self, "no_query", None if is_needed else self.query())
        object.__setattr__(self, "is_unsafe", self.method not in _SAFE_METHODS)
        object.__setattr__(self, "is_form", self.session_only and self.media == "raw")


@dataclass(frozen=True, slots=True)
class ApiSurface:
    """An API: the routes under its prefix, and the format of its errors.

    If `takes_bare` is true, the header `Authorization` can contain a token without Bearer.
    """

    prefix: str
    routes: tuple[Route, ...]
    refuse: Refuse
    refusal: Any = None
    takes_bare: bool = False


@dataclass(slots=True)
class Resource:
    template: str
    surface: ApiSurface
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def allow(self) -> tuple[str, ...]:
        also = ("HEAD",) if "GET" in self.routes else ()
        return (*sorted(self.routes), *also, "OPTIONS")

    def route(self, method: str) -> Route:
        found = self.routes.get("GET" if method == "HEAD" else method)
        if found is None:
            raise MethodNotAllowed(self.allow)
        return found


class _Node:
    __slots__ = ("child", "literals", "name", "resource")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.child: _Node | None = None
        self.name = ""
        self.resource: Resource | None = None


NO_PARAMS: Mapping[str, str] = {}


class Router:
    def __init__(self, surfaces: Sequence[ApiSurface]) -> None:
        self.surfaces = tuple(surfaces)
        self._fixed: dict[str, Resource] = {}
        self._root = _Node()
        for surface in surfaces:
            for route in surface.routes:
                self._add(surface, route)

    def beside(self, surfaces: Sequence[ApiSurface]) -> "Router":
        templates = {
            surface.prefix + route.path for surface in surfaces for route in surface.routes
        }
        if templates & self._fixed.keys() or any(map(_PARAM.search, templates)):
            return Router((*self.surfaces, *surfaces))
        made = Router(surfaces)
        made.surfaces = (*self.surfaces, *surfaces)
        made._fixed |= self._fixed
        made._root = self._root
        return made

    def __iter__(self) -> Iterator[Resource]:
        yield from self._fixed.values()
        nodes = [self._root]
        while nodes:
            node = nodes.pop()
            nodes.extend(node.literals.values())
            if node.child is not None:
                nodes.append(node.child)
            if node.resource is not None:
                yield node.resource

    def find(self, path: str) -> tuple[Resource, Mapping[str, str]] | None:
        """Return the path's resource and parameters, or None if no route matches.

        Raise NotFound if a parameter can't be an ID.
        """
        found = self.match(path)
        if found is not None:
            check_params(found[1])
        return found

    def match(self, path: str) -> tuple[Resource, Mapping[str, str]] | None:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, NO_PARAMS
        node = self._root
        params: dict[str, str] = {}
        for segment in path.split("/"):
            following = node.literals.get(segment)
            if following is None:
                following = node.child
                if following is None:
                    return None
                params[following.name] = segment
            node = following
        if node.resource is None:
            return None
        return node.resource, params

    def surface_of(self, path: str) -> ApiSurface | None:
        for surface in self.surfaces:
            if surface.prefix and (path + "/").startswith(surface.prefix + "/"):
                return surface
        return None

    def _add(self, surface: ApiSurface, route: Route) -> None:
        template = surface.prefix + route.path
        if _PARAM.search(template) is None:
            resource = self._fixed.setdefault(template, Resource(template, surface))
        else:
            resource = self._node(template, surface)
        assert route.method not in resource.routes, f"{route.method} {template} is there twice"
        resource.routes[route.method] = route

    def _node(self, template: str, surface: ApiSurface) -> Resource:
        node = self._root
        for segment in template.split("/"):
            param = _PARAM.fullmatch(segment)
            if param is None:
                node = node.literals.setdefault(segment, _Node())
                continue
            assert param[1] in _KINDS, f"{template}: say what a {param[1]} is called"
            if node.child is None:
                node.child = _Node()
                node.child.name = param[1]
            assert node.child.name == param[1], f"{template}: one name for one place"
            node = node.child
        if node.resource is None:
            node.resource = Resource(template, surface)
        return node.resource


def check_params(params: Mapping[str, str]) -> None:
    for name, value in params.items():
        _check_param(name, value)


def _check_param(name: str, value: str) -> None:
    is_sane = value.isascii() and value.isprintable() and 0 < len(value) <= PARAM_CHARACTERS_MAX
    if not is_sane:
        raise NotFound(_KINDS[name])
