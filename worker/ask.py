"""One turn at a supplier: prepare or look, and fulfil, until its deadline; whatever it does is a value.

Promise: an outcome that cannot be kept, a timeout and anything that breaks are Unknown, since whether
the supplier delivered is unknown then, too. No transaction is open while it is asked.
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
from billing.topups.deliverable import Deliverable, DeliverableRefused, checked
from kernel.storable import is_storable, storable

DETAIL_CHARACTERS_MAX = 200
COST_CENTS_MAX = 10**12

_log = logging.getLogger(__name__)
# Writes down what was prepared; False: it is no longer our turn.
Keep = Callable[[str], Awaitable[bool]]


class Superseded(Exception):
    """Another worker asks for this top-up meanwhile."""


async def ask(supplier: ReadySupplier, request: Request, keep: Keep, *, until_s: float) -> Outcome:
    """The turn's outcome; raises Superseded, and StoreError where `keep` does.

    until_s: the turn's end by the loop's time, ASK_S_MAX after its hand-over was begun. A worker that was
    stopped in between, or waited for the database, may not ask any more: another one may.
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
    """What it says; a supplier promises not to raise, and what it raises says nothing."""
    try:
        return await asked
    except TimeoutError:
        raise
    except Exception as error:
        _log.exception("supplier.broke", extra={"fields": {"supplier": supplier.id}})
        return Unknown(type(error).__name__)


def kept(outcome: object) -> Outcome:
    """The outcome as it can be kept; what must stay itself and cannot be kept is no word."""
    match outcome:
        case Delivered(deliverable=Deliverable() as given, cost_cents=cost, left=left):
            if not _is_left(left) or not _is_cost(cost):
                return Unknown("an outcome that cannot be kept")
            try:
                return replace(outcome, deliverable=checked(given))
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
