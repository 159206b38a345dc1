"""Decide who may advance an account's sandbox clock: never a caller whose own limits would get room by it.

A day, a month, a rolling window, an hour of sends and a repeat guard all end by the clock. So only a person
may move it, or a key that none of them limits. A cap per call or for life, an approval threshold and lists
don't depend on the clock, and an expiry only comes nearer.
"""

from keys.account import read_tenants
from keys.api_keys.key_state import KeyState, load_key_states
from keys.mandate import numbers_of, read_mandate
from keys.principal import Principal, ScopeMissing
from store.database import Transaction


async def check_may_move(tx: Transaction, mover: Principal) -> None:
    """Raise ScopeMissing with the limited key, or null if the account or an app is limited."""
    if mover.kind == "session":
        return
    states = await load_key_states(tx, mover.lineage)
    limited = next((one for one in mover.lineage if _ends_by_time(states[one])), None)
    if limited is not None:
        raise _refused(
            "a key with a limit that time gives back, its own or of a key above it, does not move the clock:"
            " use a key without one, such as the account's first, or let a person do it",
            limited,
        )
    if mover.oauth is not None:
        raise _refused("an app's token does not move the clock: use a key of the account", None)
    if mover.tenant in (await read_tenants(tx, [mover.tenant])).day_limits:
        raise _refused(
            "the account has a limit of a day, which moving the clock would lift: a person who is signed in"
            " moves it, or takes the limit away",
            None,
        )


def _ends_by_time(state: KeyState) -> bool:
    mandate = read_mandate(state.mandate)
    limits = (
        state.per_day_cents,
        state.per_month_cents,
        state.approval_above_per_day_cents,
        *numbers_of(mandate).values(),
    )
    return bool(mandate.windows) or any(limit is not None for limit in limits)


def _refused(detail: str, key_id: str | None) -> ScopeMissing:
    return ScopeMissing(detail, reason="limited", extra={"key_id": key_id})
