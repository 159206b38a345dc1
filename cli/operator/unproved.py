"""What `topup audit` can't prove yet, and the vault that signing keys are checked against."""

from collections.abc import Sequence
from typing import Any

from billing.records.kind import NAMES, PLURALS
from billing.records.proving import Unproved
from cli.output import note
from kernel.clock import rfc3339
from keys.vault import Vault
from runtime.installation import known_secret_key, open_vault, opens_what_is_sealed
from runtime.settings import Settings


async def proving_vault(settings: Settings) -> Vault | None:
    """Return the installation's vault, or None if this process doesn't know its master key."""
    secret_key = known_secret_key(settings)
    if not secret_key:
        return None
    vault = open_vault(secret_key)
    if await opens_what_is_sealed(settings, vault) is False:
        note("the master key here doesn't open what the database holds sealed")
        return None
    return vault


def facts_of(found: Unproved) -> dict[str, Any]:
    """Return the JSON; `since` is null if nothing was sealed yet."""
    return {
        "since": rfc3339(found.since) if found.since else None,
        "no_leaves_before": rfc3339(found.before) if found.before else None,
        "rows": dict(found.rows),
    }


def lines_of(found: Unproved) -> Sequence[str]:
    if not found.since:
        return ["unproved: the record log has no head yet; a worker signs one each hour"]
    counted = [
        f"{number:,} {NAMES[name] if number == 1 else PLURALS[name]}"
        for name, number in found.rows.items()
        if number
    ]
    rows = ", ".join(counted) or "nothing"
    return [
        f"unproved: {rows} made since {rfc3339(found.since)}; the last signed head covers what is older",
        f"before leaves: rows made before {rfc3339(found.before)} were never sealed",
    ]
