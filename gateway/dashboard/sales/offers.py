"""What the pages of packs and of coupons have in common: one is made by a form, and offered or not by a button."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.dashboard.admin.fields import commit
from gateway.html.forms import Form, Problem, problem_of, read_form
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from keys.audit_log import Actor
from store.database import Transaction

Change = Callable[[Transaction, Actor, int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class OfferPages:
    """path: of the list. word: what one is called where the page says what was done, such as pack.

    show: the list, with a form and what is wrong with it. make: what writes the one that was typed; raises
    InvalidInput. switch: what offers the one that the path names, or no longer.
    """

    path: str
    word: str
    show: Callable[[RequestContext[Any, Any], Form, Problem], Awaitable[Reply]]
    make: Callable[[RequestContext[Any, Any], Form], Change]
    switch: Callable[[RequestContext[Any, Any], bool], Change]

    async def create(self, call: RequestContext[Fields, Fields]) -> Reply:
        """Makes one; what is wrong stands on the list's page."""
        form = read_form(call)
        try:
            await commit(call, self.make(call, form))
        except DomainError as error:
            return await self.show(call, form, problem_of(error))
        return go(self.path, said=f"{self.word}-made")

    async def set_active(self, call: RequestContext[Fields, Fields]) -> Reply:
        """Offers one, or no longer."""
        is_active = read_form(call).text("active") == "yes"
        await commit(call, self.switch(call, is_active))
        return go(self.path, said=f"{self.word}-{'enabled' if is_active else 'disabled'}")
