"""Refuse to sign a replay's body that differs from the sealed one."""

import logging
from functools import partial
from typing import Final

from billing.records.sealing import is_as_sealed
from runtime.metrics import Metrics
from store.database import Database
from webhooks.deliveries.stage import Claimed

CHANGED: Final = "The stored event isn't as it was sealed, so it wasn't signed or sent. Run `topup audit` to see what was changed."

logger = logging.getLogger(__name__)


class SealedBodies:
    """Each attempt of a replay costs one more short read."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def fault_of(self, claimed: Claimed) -> str:
        """Return why the replay must not be signed, or "". Raises StoreError."""
        read = partial(is_as_sealed, event_id=claimed.event_id, body=claimed.body)
        if await self._database.read(read):
            return ""
        self._metrics.bodies_changed.add(claimed.environment)
        fields = {"delivery_id": claimed.id, "event_id": claimed.event_id}
        logger.error("delivery.body_changed", extra=fields)
        return CHANGED
