"""Give acts access to the supplier kinds and to the vault that encrypts their secrets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from billing.fulfilment.opening import FirstPlatform, enter_first
from billing.fulfilment.options import DATA_KEY
from billing.fulfilment.protocol import OptionsRefused, Registration
from billing.fulfilment.registry import discover
from billing.topups import platform_rows
from kernel.errors import InvalidInput
from keys.act import ActContext
from keys.vault import Vault
from store.database import Transaction


@dataclass(frozen=True)
class SupplierKinds:
    master: Callable[[], Vault]
    first: Callable[[], Sequence[FirstPlatform]]
    discovered: Callable[[], Mapping[str, Registration]] = discover

    @property
    def registrations(self) -> Mapping[str, Registration]:
        return self.discovered()

    def registration(self, kind: str) -> Registration:
        found = self.registrations.get(kind)
        if found is None:
            known = ", ".join(sorted(self.registrations))
            raise InvalidInput(f"The kind must be one of {known}.", param="kind")
        return found

    async def vault(self, tx: Transaction, now_us: int) -> Vault:
        return Vault([await self.master().data_key(tx, DATA_KEY, now_us=now_us)])

    async def begin(self, tx: Transaction, now_us: int) -> None:
        if await platform_rows.version(tx) > 0:
            return
        try:
            vault = await self.vault(tx, now_us)
            await enter_first(tx, self.first(), self.registrations, vault, now_us=now_us)
        except OptionsRefused as error:
            raise InvalidInput(f"TOPUP_PLATFORMS: {error}") from None


async def begin(context: ActContext) -> SupplierKinds:
    kinds = context.service(SupplierKinds)
    await kinds.begin(context.tx, context.now_us)
    await platform_rows.lock(context.tx)
    return kinds
