"""List what a colleague made for an account, and what of it continues without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from keys.principal import ENVIRONMENTS
from store.database import Row, Transaction

# Of each kind and environment; the rest is counted.
LISTED_MAX: Final = 1_000


class KeyOfPerson(NamedTuple):
    """A working key. is_child: one of their keys, or a descendant, made it."""

    id: str
    environment: str
    name: str
    created_at: int
    is_child: bool
    is_client: bool


class MadeThing(NamedTuple):
    """name: its address, recipient, items or machine."""

    id: str
    environment: str
    name: str
    at: int
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """keys, endpoints and apps continue; sends and batches wait for the owner at their time; an allowed login
    gives no key.
    """

    keys: Sequence[KeyOfPerson]
    endpoints: Sequence[MadeThing]
    apps: Sequence[MadeThing]
    sends: Sequence[MadeThing]
    batches: Sequence[MadeThing]
    logins: Sequence[MadeThing]

    @property
    def count(self) -> int:
        kinds = (self.keys, self.endpoints, self.apps, self.sends, self.batches, self.logins)
        return sum(map(len, kinds))


async def made_by(tx: Transaction, account_id: str, person_id: str, *, now_us: int) -> Made:
    whose = {"account_id": account_id, "person_id": person_id, "most": LISTED_MAX}
    keys = _theirs(await tx.fetch(_KEYS, account_id=account_id), person_id)
    makers = [person_id, *(one.id for one in keys)]
    endpoints = await tx.fetch(
        _ENDPOINTS, account_id=account_id, makers=sorted(makers), most=LISTED_MAX
    )
    apps = await tx.fetch(_APPS, **whose)
    sends: list[Row] = []
    for environment in ENVIRONMENTS:
        sends += await tx.fetch(_SENDS, **whose, environment=environment)
    batches = await tx.fetch(_BATCHES, **whose)
    logins = await tx.fetch(_LOGINS, **whose, now_us=now_us)
    return Made(keys, *map(_things, (endpoints, apps, sends, batches, logins)))


def _theirs(rows: Sequence[Row], person_id: str) -> list[KeyOfPerson]:
    own = {row["id"] for row in rows if row["made_by"] == person_id}
    found = []
    for row in rows:
        is_child = row["id"] not in own
        if is_child and own.isdisjoint(row["lineage"].split()):
            continue
        is_client = row["client_id"] is not None
        facts = (row["id"], row["environment"], row["name"], row["created_at"])
        found.append(KeyOfPerson(*facts, is_child=is_child, is_client=is_client))
    return found


def _things(rows: Sequence[Row]) -> list[MadeThing]:
    return [_thing(row) for row in rows]


def _thing(row: Any) -> MadeThing:
    return MadeThing(row["id"], row["environment"], str(row["name"]), row["at"], row["cents"])


_KEYS: Final = """
SELECT id, environment, name, created_at, lineage, made_by, client_id FROM api_keys
WHERE account_id = :account_id AND revoked_at IS NULL ORDER BY id
"""
_ENDPOINTS: Final = """
SELECT id, environment, url AS name, created_at AS at, NULL AS cents FROM endpoints
WHERE account_id = :account_id AND deleted_at IS NULL AND made_by IN :makers[text]
ORDER BY id LIMIT :most
"""
_APPS: Final = """
SELECT id, environment, name, created_at AS at, NULL AS cents FROM oauth_apps
WHERE account_id = :account_id AND disabled_at IS NULL AND made_by = :person_id
ORDER BY id LIMIT :most
"""
# Neither handed over nor ended: it can be taken back.
_SENDS: Final = """
SELECT id, environment, recipient_email AS name, COALESCE(scheduled_for, created_at) AS at,
    amount_cents AS cents
FROM topups
WHERE account_id = :account_id AND environment = :environment AND status <> 'delivered'
  AND status IN ('scheduled', 'pending') AND handed_over_at IS NULL AND sent_by = :person_id
ORDER BY id LIMIT :most
"""
_BATCHES: Final = """
SELECT id, environment, items AS name, created_at AS at, NULL AS cents FROM batches
WHERE account_id = :account_id AND sent_by = :person_id AND completed_at IS NULL
  AND cancelled_at IS NULL
ORDER BY id LIMIT :most
"""
_LOGINS: Final = """
SELECT digest AS id, environment, name, decided_at AS at, NULL AS cents FROM device_logins
WHERE account_id = :account_id AND status = 'approved' AND expires_at > :now_us
  AND decided_by IN (SELECT id FROM sessions WHERE account_id = :person_id)
ORDER BY digest LIMIT :most
"""
