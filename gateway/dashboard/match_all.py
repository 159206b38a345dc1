"""Run an act on all rows that match a list's filters, after a confirmation. If the matching rows have changed
by then, ask again.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.dashboard.listing import Total
from gateway.html.forms import NO_PROBLEM, Form, Problem, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS_MAX

MATCHED_MAX: Final = PAGE_ITEMS_MAX
_CHANGED: Final = Problem(
    409, phrase("What matches has changed: nothing was done. Check it, and press the button again.")
)


class Matched(NamedTuple):
    """If `is_cut`, more rows may match."""

    label: str
    ids: Sequence[str]
    total: Total
    is_cut: bool
    title: str
    back: str
    warns: str = ""


NOTHING: Final = Matched(
    phrase("All matching rows"), (), Total(0), False, phrase("Overview"), "/dashboard"
)


async def on_all(
    call: RequestContext[Any, Any],
    matched: Matched,
    run: Callable[[str, Form], Awaitable[object]],
) -> Reply:
    if call.method != "POST":
        return confirm(call, matched)
    form = read_form(call)
    if form.text("of") != _digest(matched.ids):
        return confirm(call, matched, _CHANGED)
    refused: list[str] = []
    for one in matched.ids:
        try:
            await run(one, form)
        except DomainError as error:
            refused.append(error.detail)
    if refused:
        said = phrase(
            "%(done)s of %(all)s are done; of the others the first was refused: %(said)s",
            done=len(matched.ids) - len(refused),
            all=len(matched.ids),
            said=phrase(refused[0]),
        )
        return confirm(call, matched, Problem(409, said))
    return go(matched.back, said="all-done")


def confirm(
    call: RequestContext[Any, Any], matched: Matched, problem: Problem = NO_PROBLEM
) -> Reply:
    return page(
        call,
        "match_all.html",
        status=problem.status,
        problem=problem,
        matched=matched,
        of=_digest(matched.ids),
        form_key=new_id("frm"),
    )


def _digest(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
