"""Show the design system on one page: the tokens and components of app.css."""

from typing import Any, Final

from gateway.dashboard.admin.fields import admin_route
from gateway.html.chart import Series, bars, halves
from gateway.html.forms import NO_PROBLEM
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import DAY_US
from kernel.fields import Fields
from store.activity import Activity

COLOURS: Final = (
    *("ground", "paper", "raised", "ink", "quiet", "line", "strong-line"),
    *("accent", "accent-soft", "good", "good-soft", "wait", "wait-soft", "bad", "bad-soft"),
)
TEXT_SIZES: Final = ("xs", "s", "m", "l", "xl", "2xl")
_NUMBERS: Final = (
    *((12, 1), (18, 0), (9, 0), (22, 2), (30, 0), (26, 1), (14, 0)),
    *((20, 0), (24, 1), (16, 0), (31, 0), (38, 4), (27, 0), (19, 1)),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    today = call.now_us - call.now_us % DAY_US
    starts = [today - DAY_US * back for back in range(len(_NUMBERS) - 1, -1, -1)]
    rows: list[Any] = [
        {"step": start, "status": status, "number": number, "total": 0}
        for start, pair in zip(starts, _NUMBERS, strict=True)
        for status, number in zip(("delivered", "failed"), pair, strict=True)
    ]
    before, now = halves(Activity(DAY_US, starts, rows))
    series = (
        Series("delivered", "good", ("delivered",)),
        Series("failed", "bad", ("failed",)),
    )
    return page(
        call,
        "admin/design.html",
        problem=NO_PROBLEM,
        colours=COLOURS,
        text_sizes=TEXT_SIZES,
        chart=bars("Deliveries", now, series, before),
    )


ROUTES = (admin_route("GET", "/design", show, "Design system"),)
