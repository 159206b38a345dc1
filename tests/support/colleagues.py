"""A colleague of a funded account: joined by a role, signed in, and removed."""

from dataclasses import dataclass
from typing import Any

from keys import member, session
from keys.account import create_account
from keys.principal import MemberRole, Principal
from keys.token_format import digest
from store.database import Transaction
from tests.support.funded_account import FundedAccount


@dataclass(slots=True)
class Colleague:
    """principal: of their session in staging."""

    account: FundedAccount
    member_id: str
    person_id: str
    principal: Principal

    async def remove(self) -> None:
        account = self.account
        await account.database.transaction(
            lambda tx: member.remove(
                tx, account.account_id, self.member_id, now_us=account.clock.now_us()
            )
        )

    async def become(self, role: MemberRole) -> None:
        account = self.account
        await account.database.transaction(
            lambda tx: member.change_role(tx, account.account_id, self.member_id, role)
        )

    async def come_back(self) -> None:
        back = await join(self.account, self.principal.colleague.email or "", self.person_id)  # type: ignore[union-attr] # a session of a colleague
        self.member_id = back

    async def send(self, **more: Any) -> str:
        """The id of a top-up that they send by their session."""
        return (await self.account.send(principal=self.principal, **more)).topup.id


async def join(
    account: FundedAccount, email: str, person_id: str, role: MemberRole = "developer"
) -> str:
    """The membership's id."""
    now_us = account.clock.now_us()

    async def work(tx: Transaction) -> str:
        made = await member.invite(
            tx,
            account_id=account.account_id,
            email=email,
            role=role,
            invited_by=account.account_id,
            now_us=now_us,
        )
        await member.accept(tx, made, person_id, now_us=now_us)
        return made.id

    return await account.database.transaction(work)


async def given_colleague(
    account: FundedAccount, email: str = "dev@acme.example", role: MemberRole = "developer"
) -> Colleague:
    now_us = account.clock.now_us()
    person_id = await account.database.transaction(
        lambda tx: create_account(tx, name="Dev", email=email, now_us=now_us)
    )
    member_id = await join(account, email, person_id, role)

    async def sign_in(tx: Transaction) -> Principal:
        _, token = await session.begin(
            tx,
            account_id=person_id,
            user_agent="test",
            acts_for=account.account_id,
            now_us=now_us,
        )
        wanted = digest(token)
        found = (await session.load_principals(tx, [wanted], now_us=now_us))[wanted]
        assert isinstance(found, Principal), found
        return found

    return Colleague(account, member_id, person_id, await account.database.transaction(sign_in))
