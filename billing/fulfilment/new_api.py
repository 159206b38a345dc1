"""Makes a redemption code at a New API instance, through its admin API.

The code is named after the transaction (20 characters, New API's own limit), so that after a lost
answer the next ask finds it instead of making a second one. Options: base_url, access_token (a
system access token of an administrator), user_id (its numeric id), quota_per_usd (500000),
timeout_s (10, at most 30, of each of two calls). Without options of its own for staging (`staging`, the same fields) a staging
top-up is delivered without a code: no real quota moves.

POST /api/redemption/ {name, count, quota, expired_time} -> {success, message, data: [code]}
GET /api/redemption/search?keyword= -> {success, data: [...] or {items: [...]}}, rows {name, key}
"""

import math
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from billing.fulfilment.asking import NoSupplierAnswer, ask, decoded
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    OptionsRefused,
    Outcome,
    Refused,
    Registration,
    Request,
    Unknown,
)
from kernel.clock import Clock

# A look for the code and the making of one are within one ask.
TIMEOUT_S_MAX = ASK_S_MAX / 2
QUOTA_PER_USD = 500_000
QUOTA_PER_USD_MAX = 10**9
NEVER_EXPIRES = 0


class Instance(msgspec.Struct, forbid_unknown_fields=True):
    """One New API instance and who administers it."""

    base_url: str
    access_token: str
    user_id: int
    quota_per_usd: int = QUOTA_PER_USD
    timeout_s: float = 10.0


class NewApiOptions(Instance):
    """The live instance, and another for staging or none."""

    staging: Instance | None = None


class _Answer(msgspec.Struct):
    success: bool
    message: str = ""
    data: Any = None


class NewApi:
    """One platform's instance."""

    def __init__(self, options: NewApiOptions, client: httpx.AsyncClient) -> None:
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
        except NoSupplierAnswer as error:
            return Unknown(str(error))

    async def _create(self, instance: Instance, request: Request) -> Outcome:
        answer = await self._ask(
            instance,
            "POST",
            "/api/redemption/",
            content=msgspec.json.encode(
                {
                    "name": request.transaction_id,
                    "count": 1,
                    "quota": request.amount_cents * instance.quota_per_usd // 100,
                    "expired_time": NEVER_EXPIRES,
                }
            ),
        )
        if not answer.success:
            # New API says so before it writes anything: a definite no.
            return Refused(answer.message or "refused by New API")
        match answer.data:
            case [str(code)] if code:
                return Delivered(code)
        return Unknown("no code in New API's answer")

    async def _find(self, instance: Instance, name: str) -> str | None:
        """The code of that name, None where there surely is none; raises NoSupplierAnswer.

        Anything but a list of rows says nothing: taken for "none" it would make a second code.
        """
        answer = await self._ask(
            instance, "GET", "/api/redemption/search", params={"keyword": name, "p": "1"}
        )
        if not answer.success:
            raise NoSupplierAnswer("New API refused the search")
        listed = answer.data
        if isinstance(listed, dict) and "items" in listed:
            listed = listed["items"]
        if listed is None:  # what an empty list of Go is written as
            return None
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            raise NoSupplierAnswer("no list of codes in New API's answer")
        for row in listed:
            if row.get("name") == name:
                if not isinstance(row.get("key"), str) or not row["key"]:
                    raise NoSupplierAnswer("a row without its code in New API's answer")
                return str(row["key"])
        return None

    async def _ask(
        self,
        instance: Instance,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> _Answer:
        body = await ask(
            self._client,
            method,
            instance.base_url.rstrip("/") + path,
            headers={
                "Authorization": f"Bearer {instance.access_token}",
                "New-Api-User": str(instance.user_id),
                "Content-Type": "application/json",
            },
            content=content,
            params=params,
            timeout_s=instance.timeout_s,
        )
        return decoded(body, _Answer)


def _make(options: Mapping[str, Any], client: httpx.AsyncClient, _clock: Clock) -> NewApi:
    try:
        parsed = msgspec.convert(dict(options), NewApiOptions)
    except msgspec.ValidationError as error:
        raise OptionsRefused(f"new_api fulfilment: {error}") from None
    for instance in (parsed, parsed.staging):
        if instance is not None:
            _check(instance)
    return NewApi(parsed, client)


def _check(instance: Instance) -> None:
    if not instance.base_url.startswith(("https://", "http://")):
        raise OptionsRefused("new_api fulfilment: base_url begins with https:// or http://")
    if not (math.isfinite(instance.timeout_s) and 0 < instance.timeout_s <= TIMEOUT_S_MAX):
        raise OptionsRefused(
            f"new_api fulfilment: timeout_s is above 0 and at most {TIMEOUT_S_MAX:g}"
        )
    if not 1 <= instance.quota_per_usd <= QUOTA_PER_USD_MAX:
        raise OptionsRefused(f"new_api fulfilment: quota_per_usd is 1 to {QUOTA_PER_USD_MAX}")


FULFILMENT = Registration(name="new_api", is_asynchronous=True, make=_make)
