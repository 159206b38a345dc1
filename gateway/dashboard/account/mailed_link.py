"""Resolve links that were mailed or printed, and limit guesses at them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar

from gateway.html.phrase import phrase
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from kernel.errors import NotFound

T = TypeVar("T")
TRIES: Final = Allowance(60, 900)


async def find_by_link(
    call: RequestContext[Any, Any],
    kind: Literal["address", "invitation", "password", "sign_in"],
    find: Callable[..., Awaitable[T]],
    what: str = "Link",
) -> T:
    """Find the object whose ID is in the link.

    Raise the same NotFound for every invalid link, and RateLimited after too many tries.
    """
    await take_one(
        call.context.limiter,
        f"{kind}_link:{block_of(call.address)}",
        TRIES,
        phrase("Too many links were tried. Wait a few minutes."),
    )
    link_id = call.context.topup_rules.links.id_of(kind, call.params[f"{kind}_token"])
    if link_id is None:
        raise NotFound(what)
    return await call.context.database.read(lambda tx: find(tx, link_id, now_us=call.now_us))
