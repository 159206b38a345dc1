"""Define a tenant: an account in one of its two environments, which share no rows and no credit."""

from typing import NamedTuple

import msgspec


class Tenant(NamedTuple):
    account_id: str
    environment: str


class OfTenant(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row that belongs to a tenant."""

    account_id: str
    environment: str

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)
