"""Carry out a person's consent: a key with the chosen limits, and a code for its client."""

from dataclasses import replace
from typing import Any

from gateway.authorization.request import McpRequest
from gateway.http.acting import enter, note
from gateway.http.request_context import RequestContext
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.api_keys.views import audited
from keys.authorization import grant as mcp_grant
from keys.authorization.client import McpClient
from keys.principal import ENVIRONMENTS, Environment
from store.database import Transaction
from webhooks.events.key_events import tell_key


async def allow(
    call: RequestContext[Any, Any], asked: McpRequest, environment: Environment, limits: NewKey
) -> str:
    """Write key, grant and code in one transaction, and return the code.

    Raises LiveNotOpen, KeyLimitReached, ScopeMissing and InvalidInput.
    """
    asker = replace(call.principal, environment=environment)

    async def work(tx: Transaction) -> str:
        await lock_tenants(tx, [asker.tenant])
        await enter(tx, call, environment)
        grant, key, is_new = await mcp_grant.make_or_renew(
            tx,
            asker=asker,
            client=asked.client,
            limits=limits,
            resource=asked.resource,
            now_us=call.now_us,
        )
        action = "key.created" if is_new else "key.changed"
        after = {"client": asked.client.name, "client_id": asked.client.id, **audited(key)}
        await note(tx, call, action, key.id, environment=environment, after=after)
        if is_new:
            by = call.principal.credential_id
            await tell_key(tx, "key.created", key, by=by, now_us=call.now_us)
        return await mcp_grant.issue_code(
            tx,
            grant,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            session_id=call.principal.credential_id,
            now_us=call.now_us,
        )

    return await call.context.database.transaction(work)


async def connected_key(call: RequestContext[Any, Any], client: McpClient) -> ApiKey | None:
    """Return the key that the client has in live or else in staging."""

    async def read(tx: Transaction) -> ApiKey | None:
        for environment in reversed(ENVIRONMENTS):
            tenant = Tenant(call.principal.account_id, environment)
            found = await mcp_grant.find_usable(tx, tenant, client.id, now_us=call.now_us)
            if found is not None:
                return found[1]
        return None

    return await call.context.database.read(read)
