"""The built-in way: the voucher is the delivery, in the same transaction as the send."""

from collections.abc import Mapping
from typing import Any

import httpx

from billing.fulfilment.protocol import (
    Delivered,
    OptionsRefused,
    Outcome,
    Registration,
    Request,
)
from kernel.clock import Clock


class Voucher:
    """Always delivered; only a top-up that waited for an approval comes by here."""

    async def fulfil(self, request: Request) -> Outcome:  # noqa: ARG002 nothing to ask
        return Delivered()


def _make(options: Mapping[str, Any], _client: httpx.AsyncClient, _clock: Clock) -> Voucher:
    if options:
        raise OptionsRefused(f"voucher takes no options, not {', '.join(sorted(options))}")
    return Voucher()


FULFILMENT = Registration(name="voucher", is_asynchronous=False, make=_make)
