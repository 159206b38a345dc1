"""Walks through the login of a command line by a person's browser."""

from typing import Any

from kernel.tenant import Tenant
from keys.tokens import device_login
from store.database import Transaction
from tests.gateway.answers.own_walks import account
from tests.gateway.answers.recorder import Recorder
from tests.support.sign_ins import begin_sign_in

TOKEN = "/cli/login/token"


async def logins(to: Recorder) -> None:
    account_id, _ = await account(to)
    begun = await to.own("begun", "POST", "/cli/login", json={"name": "ann's laptop"})
    await to.own("without a name", "POST", "/cli/login", json={})
    code = {"device_code": begun["device_code"]}
    await to.own("nobody decided", "POST", TOKEN, json=code)
    await to.own("too fast", "POST", TOKEN, json=code)
    await _decide(to, begun, account_id, is_allowed=True)
    made = await to.own("allowed", "POST", TOKEN, json=code)
    await to.own("a second time", "POST", TOKEN, json=code)
    other = await to.own("another", "POST", "/cli/login", json={"name": "build box"})
    await _decide(to, other, account_id, is_allowed=False)
    code = {"device_code": other["device_code"]}
    await to.own("refused", "POST", TOKEN, json=code)
    await to.own("given up", "DELETE", "/keys/self", made["key"])


async def _decide(to: Recorder, login: Any, account_id: str, *, is_allowed: bool) -> None:
    now_us, context = to.clock.now_us(), to.gateway.context
    code = device_login.read_user_code(login["user_code"])
    assert code is not None

    async def work(tx: Transaction) -> bool:
        found = await device_login.find_open(tx, code, now_us=now_us)
        assert found is not None
        if not is_allowed:
            return await device_login.deny(tx, found, account_id, by="ses_1", now_us=now_us)
        return await device_login.approve(
            tx,
            found,
            Tenant(account_id, "staging"),
            scopes=["topup:send", "topup:read"],
            life_days=90,
            by=await begin_sign_in(tx, account_id, now_us=now_us),
            now_us=now_us,
        )

    assert await context.database.transaction(work)
