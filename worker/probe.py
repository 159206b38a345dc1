"""Probe endpoints that were disabled for failing; one that accepts its event is enabled again.

Few endpoints of an account are probed at once, so hanging ones delay no other
(webhooks/endpoints/probe.py).
"""

import logging
from collections.abc import Sequence
from functools import partial

from runtime.context import Context
from store.database import Transaction
from webhooks.endpoints.probe import DueProbe, Probe, due_probes, next_probe_at
from worker.woken_loop import DueItem, DueLoop, Look

_log = logging.getLogger(__name__)


class Prober(DueLoop):
    """A place is an account."""

    name = "probes"
    subject = "endpoint_id"
    under_way_max = 16
    at_one_place_max = 2
    beat_s = 60.0

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe.database, probe.clock)
        self._probe = probe

    async def _due(self, tx: Transaction, look: Look) -> Sequence[DueItem]:
        due = await due_probes(
            tx,
            now_us=look.now_us,
            limit=look.limit,
            exclude_ids=look.exclude_ids,
            but_accounts=look.exclude_keys,
        )
        return [
            DueItem(one.endpoint_id, one.tenant.account_id, partial(self._ask, one)) for one in due
        ]

    async def _next_at(self, tx: Transaction, look: Look) -> int | None:
        return await next_probe_at(tx, exclude_ids=look.exclude_ids)

    async def _ask(self, due: DueProbe) -> None:
        probed = await self._probe.send(due)
        account_id, environment = due.tenant
        _log.info(
            "endpoint.probed",
            extra={
                "account_id": account_id,
                "environment": environment,
                "endpoint_id": due.endpoint_id,
                "outcome": probed,
            },
        )


def probers_of(context: Context) -> Sequence[Prober]:
    """Return the loop; none if the operator switched probes off."""
    if not context.settings.webhook_probe:
        return ()
    probe = Probe(
        context.database,
        context.vault,
        context.transport,
        context.clock,
        context.policy,
        context.settings.webhook_timeout_s,
    )
    return (Prober(probe),)
