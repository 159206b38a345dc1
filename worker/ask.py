"""Call a supplier once, prepare or look and then fulfil, by its deadline.

An outcome that can't be stored, a timeout and any exception are Unknown, because the supplier may have
delivered. No transaction is open during the call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from billing.fulfilment.protocol import (
    LEFT_CHARACTERS_MAX,
    Delivered,
    NotDone,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.fulfilment.suppliers import ReadySupplier
from billing.topups.topup import Deliverable, DeliverableRefused, checked_deliverable
from kernel.storable import is_storable, storable

DETAIL_CHARACTERS_MAX = 200
COST_CENTS_MAX = 10**12

_log = logging.getLogger(__name__)
# Stores what was prepared; False: another worker has taken over.
Keep = Callable[[str], Awaitable[bool]]


class Superseded(Exception):
    pass


async def ask(supplier: ReadySupplier, request: Request, keep: Keep, *, until_s: float) -> Outcome:
    """Return the outcome; raise Superseded, and StoreError if `keep` does.

    until_s: ASK_S_MAX after the hand-over began, by the loop's time. A worker delayed beyond it must not call
    any more, because another one may.
    """
    if asyncio.get_running_loop().time() >= until_s:
        raise Superseded
    try:
        async with asyncio.timeout_at(until_s):
            return kept(await _turn(supplier, request, keep))
    except TimeoutError:
        return Unknown("timeout")


async def _turn(supplier: ReadySupplier, request: Request, keep: Keep) -> Outcome:
    must_look = request.attempt > 1 and supplier.asked_again == "look"
    if must_look:
        found = await _guarded(supplier, supplier.asked.look(request))
        if not isinstance(found, NotDone):
            assert isinstance(found, Delivered | Refused | Waiting | Unknown)
            return found
    if must_look or request.prepared is None:
        prepared = await _guarded(supplier, supplier.asked.prepare(request))
        if isinstance(prepared, Refused | Unknown):
            return prepared
        if isinstance(prepared, str):
            if not is_storable(prepared, characters_max=LEFT_CHARACTERS_MAX):
                return Unknown("what was prepared cannot be kept")
            if not await keep(prepared):
                raise Superseded
            request = replace(request, prepared=prepared)
    outcome = await _guarded(supplier, supplier.asked.fulfil(request))
    assert not isinstance(outcome, NotDone | str)
    return outcome if outcome is not None else Unknown("an outcome that cannot be kept")


async def _guarded(
    supplier: ReadySupplier, asked: Awaitable[Outcome | NotDone | str | None]
) -> Outcome | NotDone | str | None:
    """Return what the supplier says; an exception, which it promises not to raise, says nothing."""
    try:
        return await asked
    except TimeoutError:
        raise
    except Exception as error:
        _log.exception("supplier.broke", extra={"fields": {"supplier": supplier.id}})
        return Unknown(type(error).__name__)


def kept(outcome: object) -> Outcome:
    """Return the outcome in a storable form; Unknown if a part that must stay exact can't be stored."""
    match outcome:
        case Delivered(deliverable=Deliverable() as given, cost_cents=cost, left=left):
            if not _is_left(left) or not _is_cost(cost):
                return Unknown("an outcome that cannot be kept")
            try:
                return replace(outcome, deliverable=checked_deliverable(given))
            except (DeliverableRefused, TypeError, AttributeError) as error:
                return Unknown(f"a deliverable that cannot be kept: {type(error).__name__}")
        case Refused(reason=str()):
            return outcome
        case Waiting(left=left) if _is_left(left):
            return outcome
        case Unknown(detail=str(detail), left=left) if _is_left(left):
            return replace(outcome, detail=storable(detail, characters_max=DETAIL_CHARACTERS_MAX))
        case _:
            return Unknown("an outcome that cannot be kept")


def _is_left(left: object) -> bool:
    return left is None or (
        isinstance(left, str) and is_storable(left, characters_max=LEFT_CHARACTERS_MAX)
    )


def _is_cost(cost: object) -> bool:
    return cost is None or (isinstance(cost, int) and 0 <= cost <= COST_CENTS_MAX)
