"""A tenant: an account in one of its environments, which share no row and no credit."""

from typing import NamedTuple


class Tenant(NamedTuple):
    """A tuple, because it is a key of many dictionaries and is spread into rows."""

    account_id: str
    environment: str
