"""Plans."""

from typing import Final

from billing.catalog.plan_acts import (
    CREATE_PLAN,
    DISABLE_PLAN,
    ENABLE_PLAN,
    LIST_PLANS,
    SET_PLAN,
    SHOW_PLAN,
    PlanQuery,
)
from gateway.dashboard.act_pages import ActPages, SettingsPage

PAGES: Final = ActPages(
    path="/plans",
    title="Plans",
    lead="Credit sold by the month or the year. A subscription keeps the terms it was begun with.",
    empty="Create the first below; accounts find it under Plan.",
    listed=LIST_PLANS,
    query=PlanQuery(all=True),
    create=CREATE_PLAN,
    buttons=(DISABLE_PLAN, ENABLE_PLAN),
    own_address="/dashboard/admin/plans/",
)
PAGE: Final = SettingsPage(
    path="/plans/{plan_id}",
    title="One plan",
    lead="What you change holds for those who subscribe from now on.",
    shown=SHOW_PLAN,
    change=SET_PLAN,
    of=PAGES,
)
ROUTES = (*PAGES.routes(), *PAGE.routes())
