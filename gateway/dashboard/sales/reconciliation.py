"""Reconciliation: differences and comparisons."""

from typing import Final

from billing.reconciliation.acts import (
    CLOSE_DIFFERENCE,
    LIST_DIFFERENCES,
    LIST_PARTS,
    REQUEST_COMPARISON,
    SHOW_DIFFERENCE,
    DifferencesQuery,
)
from gateway.dashboard.act_pages import ActPages, SettingsPage
from kernel.fields import Page

_DIFFERENCES: Final = ActPages(
    path="/reconciliation",
    title="Reconciliation",
    lead=(
        "Money in at the providers, the ledger, and value out at the suppliers, compared once a day. What"
        " differs stands here until both sides agree again, or an operator closes it."
    ),
    empty="Nothing differs.",
    listed=LIST_DIFFERENCES,
    query=DifferencesQuery(),
    filters=("state",),
    own_address="/dashboard/admin/reconciliation/",
    beside=(("/dashboard/admin/reconciliation/parts", "Comparisons"),),
)
_PARTS: Final = ActPages(
    path="/reconciliation/parts",
    title="Comparisons",
    lead="A provider that is away delays its own comparison only; it is tried again every hour.",
    empty="A worker compares within a minute of its start.",
    listed=LIST_PARTS,
    query=Page(),
    create=REQUEST_COMPARISON,
    beside=(("/dashboard/admin/reconciliation", "Differences"),),
)
_DIFFERENCE: Final = SettingsPage(
    path="/reconciliation/{difference_id}",
    title="Difference",
    lead="Close it if it stays as it is. It opens again if its figures change.",
    shown=SHOW_DIFFERENCE,
    change=CLOSE_DIFFERENCE,
    details=(
        *("means", "press", "subject_id", "account_id", "expected", "found", "part", "detail"),
        *("since", "closed_at", "closed_by"),
    ),
    of=_DIFFERENCES,
)
ROUTES = (*_PARTS.routes(), *_DIFFERENCES.routes(), *_DIFFERENCE.routes())
