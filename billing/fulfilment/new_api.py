"""Makes a redemption code at a New API instance, through its admin API.

The code is named after the transaction (20 characters, New API's own limit), so that after a lost
answer the next ask finds it instead of making a second one. Options: base_url, access_token (a
system access token of an administrator), user_id (its numeric id), quota_per_usd (500000),
timeout_s (10). Without options of its own for staging (`staging`, the same fields) a staging
top-up is delivered without a code: no real quota moves.

POST /api/redemption/ {name, count, quota, expired_time} -> {success, message, data: [code]}
GET /api/redemption/search?keyword= -> {success, data: [...] or {items: [...]}}, rows {name, key}
"""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from billing.fulfilment.protocol import (
    Delivered,
    OptionsRefused,
    Outcome,
    Refused,
    Registration,
    Request,
    Unknown,
)
from kernel.clock import Clock

REASON_CHARACTERS_MAX = 200
QUOTA_PER_USD = 500_000
NEVER_EXPIRES = 0


class Instance(msgspec.Struct, forbid_unknown_fields=True):
    """One New API instance and who administers it."""

    base_url: str
    access_token: str
    user_id: int
    quota_per_usd: int = QUOTA_PER_USD
    timeout_s: float = 10.0


class Options(Instance):
    """The live instance, and another for staging or none."""

    staging: Instance | None = None


class _Answer(msgspec.Struct):
    success: bool
    message: str = ""
    data: Any = None


class NewApi:
    """One platform's instance."""

    def __init__(self, options: Options, client: httpx.AsyncClient) -> None:
        self._options = options
        self._client = client

    async def fulfil(self, request: Request) -> Outcome:
        instance: Instance | None = self._options
        if request.environment == "staging":
            instance = self._options.staging
        if instance is None:
            return Delivered()
        try:
            if request.attempt > 1:
                made = await self._find(instance, request.transaction_id)
                if made is not None:
                    return Delivered(made)
            return await self._create(instance, request)
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        except _Unreadable as error:
            return Unknown(str(error))

    async def _create(self, instance: Instance, request: Request) -> Outcome:
        answer = await self._ask(
            instance,
            "POST",
            "/api/redemption/",
            json={
                "name": request.transaction_id,
                "count": 1,
                "quota": request.amount_cents * instance.quota_per_usd // 100,
                "expired_time": NEVER_EXPIRES,
            },
        )
        if not answer.success:
            # New API says so before it writes anything: a definite no.
            return Refused(answer.message[:REASON_CHARACTERS_MAX] or "refused by New API")
        if isinstance(answer.data, list) and answer.data and isinstance(answer.data[0], str):
            return Delivered(answer.data[0])
        return Unknown("no code in New API's answer")

    async def _find(self, instance: Instance, name: str) -> str | None:
        answer = await self._ask(
            instance, "GET", "/api/redemption/search", params={"keyword": name, "p": "1"}
        )
        if not answer.success:
            raise _Unreadable("New API refused the search")
        listed = answer.data.get("items") if isinstance(answer.data, dict) else answer.data
        for row in listed or ():
            if isinstance(row, dict) and row.get("name") == name and row.get("key"):
                return str(row["key"])
        return None

    async def _ask(self, instance: Instance, method: str, path: str, **content: Any) -> _Answer:
        response = await self._client.request(
            method,
            instance.base_url.rstrip("/") + path,
            headers={
                "Authorization": f"Bearer {instance.access_token}",
                "New-Api-User": str(instance.user_id),
            },
            timeout=instance.timeout_s,
            **content,
        )
        if response.status_code != 200:
            raise _Unreadable(f"HTTP {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _Unreadable("an unreadable answer") from None


class _Unreadable(Exception):
    """An answer that says nothing to rely on."""


def _make(options: Mapping[str, Any], client: httpx.AsyncClient, _clock: Clock) -> NewApi:
    try:
        parsed = msgspec.convert(dict(options), Options)
    except msgspec.ValidationError as error:
        raise OptionsRefused(f"new_api fulfilment: {error}") from None
    for instance in (parsed, parsed.staging):
        if instance is not None and not instance.base_url.startswith(("https://", "http://")):
            raise OptionsRefused("new_api fulfilment: base_url begins with https:// or http://")
    return NewApi(parsed, client)


FULFILMENT = Registration(name="new_api", is_asynchronous=True, make=_make)
