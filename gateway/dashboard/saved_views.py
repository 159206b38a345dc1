"""Store lists' filters and columns as named views, in a cookie."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from starlette.responses import Response

from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import page_route
from gateway.html.forms import read_form
from gateway.html.phrase import phrase
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import cookies_named, is_https
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.principal import ACCOUNT_SCOPES

COOKIE: Final = "topup_views"
_VIEWS_MAX: Final = 12
_NAME_CHARACTERS_MAX: Final = 40
# Browsers store cookies of 4,096 bytes.
_BYTES_MAX: Final = 3_600
_OWNER_CHARACTERS: Final = 16
_YEAR_S: Final = 365 * 86_400


class SavedView(NamedTuple):
    """owner: a digest of the user and the account."""

    owner: str
    name: str
    address: str

    @property
    def path(self) -> str:
        return self.address.partition("?")[0]


def views_of(call: RequestContext[Any, Any], address: str) -> Sequence[SavedView]:
    path, owner = address.partition("?")[0], _owner(call)
    return [one for one in _views(call) if (one.owner, one.path) == (owner, path)]


async def save(call: RequestContext[Fields, Fields]) -> Reply:
    view = _asked(call)
    if not 0 < len(view.name) <= _NAME_CHARACTERS_MAX:
        raise InvalidInput(phrase("write a name of at most 40 characters"), param="name")
    return _changed(call, [*_others(call, view), view], view.address, "view-saved")


async def delete(call: RequestContext[Fields, Fields]) -> Reply:
    view = _asked(call)
    return _changed(call, _others(call, view), view.path, "view-deleted")


def _asked(call: RequestContext[Any, Any]) -> SavedView:
    form = read_form(call)
    view = SavedView(_owner(call), form.text("name"), form.text("address"))
    if not (is_safe_way(view.address) and view.path.startswith("/dashboard/")):
        raise InvalidInput(phrase("this is no list of the dashboard"), param="address")
    return view


def _others(call: RequestContext[Any, Any], view: SavedView) -> list[SavedView]:
    return [one for one in _views(call) if _place(one) != _place(view)]


def _place(view: SavedView) -> tuple[str, str, str]:
    return view.owner, view.path, view.name


def _views(call: RequestContext[Any, Any]) -> list[SavedView]:
    """Return the views of any owner; none if the cookie can't be read."""
    sent = cookies_named(call.headers, COOKIE)
    if len(sent) != 1:
        return []
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(sent.pop()), type=list[SavedView])
    except ValueError:
        return []


def _changed(
    call: RequestContext[Any, Any], views: list[SavedView], way: str, said: str
) -> Response:
    owner = _owner(call)
    own = [one for one in views if one.owner == owner]
    others = [one for one in views if one.owner != owner]
    while len(value := _encoded([*others, *own])) > _BYTES_MAX and others:
        del others[0]
    if len(own) > _VIEWS_MAX or len(value) > _BYTES_MAX:
        full = phrase("there is no room for another view: delete one first")
        raise InvalidInput(full, param="name")
    response = go(way, said=said)
    response.set_cookie(
        COOKIE,
        value,
        max_age=_YEAR_S,
        path="/dashboard",
        secure=is_https(call.scope, call.context.settings),
        httponly=True,
        samesite="lax",
    )
    return response


def _encoded(views: Sequence[SavedView]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(views)).decode()


def _owner(call: RequestContext[Any, Any]) -> str:
    caller = call.principal
    text = f"{caller.person_id} {caller.account_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:_OWNER_CHARACTERS]


ROUTES = (
    page_route("POST", "/views", save, "Save a view", ACCOUNT_SCOPES),
    page_route("POST", "/views/delete", delete, "Delete a saved view", ACCOUNT_SCOPES),
)
