"""Judge again who made a waiting send, when it is to continue."""

from collections.abc import Collection
from typing import Final

from keys.granted import Granted, load_memberships, why_lost
from keys.tokens import access_token
from store.database import Transaction

_SENDS: Final = frozenset({"topup:send"})
# How the id of an account's own token begins; any other sender is a person.
_TOKEN: Final = "tok_"  # noqa: S105 - a prefix of ids


def is_colleague(account_id: str, sender: str) -> bool:
    return sender != account_id and not sender.startswith(_TOKEN)


async def who_left(
    tx: Transaction, senders: Collection[tuple[str, str]], *, now_us: int
) -> set[tuple[str, str]]:
    """Return those of the (account, Principal.sender) pairs who may no longer send for the account.

    The caller holds the accounts' locks, which removals take, too. Somebody who returned may send again. An
    account's owner costs no statement.
    """
    tokens = {pair for pair in senders if pair[1].startswith(_TOKEN)}
    people = {pair for pair in senders if is_colleague(*pair)}
    left: set[tuple[str, str]] = set()
    if tokens:
        ended = await access_token.ended_of(tx, [one for _, one in tokens])
        left |= {pair for pair in tokens if pair[1] in ended}
    if people:
        members = await load_memberships(tx, people)
        left |= {
            pair
            for pair in people
            if why_lost(members.get(pair), Granted(pair[0], now_us, scopes=_SENDS)) is not None
        }
    return left
