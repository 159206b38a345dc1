"""A tenant: an account in one of its environments, which share no row and no credit."""

from typing import NamedTuple


class Tenant(NamedTuple):
    account_id: str
    environment: str
