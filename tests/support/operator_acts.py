"""Acts of operators, run as a test's set-up."""

from collections.abc import Mapping
from typing import Any

from billing.fulfilment.kinds import SupplierKinds
from kernel.tenant import Tenant
from keys.act import Act, ActContext, InProcess
from keys.vault import Vault
from runtime.acts import run_act
from store.database import Transaction


async def act_in(
    tx: Transaction,
    act: Act[Any, Any],
    object_id: str = "",
    *,
    environment: str = "staging",
    master: Vault | None = None,
    services: Mapping[type, Any] | None = None,
    now_us: int = 1,
    **values: Any,
) -> Any:
    """Run the act of a catalogue; values: of its input. Return what it left."""
    parts: dict[type, Any] = {
        SupplierKinds: SupplierKinds(lambda: master or Vault([b"m" * 32]), list),
        **(services or {}),
    }
    context = ActContext(
        tx=tx,
        tenant=Tenant("", environment),
        asker=None,
        origin=InProcess(),
        now_us=now_us,
        service=lambda kind: parts[kind],
        person="boss@example.com",
        object_id=object_id,
    )
    return (await run_act(act, context, act.input(**values))).after
