"""Makes a redemption code at a New API instance, through its admin API.

The code is named after the transaction (20 characters, New API's own limit), so that after a lost
answer it is looked for before it is made again.

POST /api/redemption/ {name, count, quota, expired_time} -> {success, message, data: [code]}
GET /api/redemption/search?keyword= -> {success, data: [...] or {items: [...]}}, rows {name, key}
"""

from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import msgspec

from billing.fulfilment.asking import NoSupplierAnswer, ask, decoded
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Delivered,
    Look,
    NotDone,
    Options,
    OptionsRefused,
    Outcome,
    Refused,
    Registration,
    Request,
    Sealed,
    Supplier,
    Tools,
    Unknown,
)
from billing.fulfilment.stand_in import sample_text
from billing.topups.deliverable import Deliverable

# A look for the code and the making of one are within one turn.
TIMEOUT_S_MAX = ASK_S_MAX / 2
QUOTA_PER_USD = 500_000
QUOTA_PER_USD_MAX = 10**9
NEVER_EXPIRES = 0


class NewApiOptions(Options, frozen=True, kw_only=True):
    """One New API instance and who administers it.

    access_token: a system access token of an administrator. user_id: its numeric id. timeout_s: of
    each call.
    """

    base_url: Annotated[str, msgspec.Meta(min_length=8, max_length=2_000)]
    access_token: Sealed
    user_id: int
    quota_per_usd: Annotated[int, msgspec.Meta(ge=1, le=QUOTA_PER_USD_MAX)] = QUOTA_PER_USD
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_S_MAX)] = 10.0


class _Answer(msgspec.Struct):
    success: bool
    message: str = ""
    data: Any = None


class NewApi(Supplier):
    """One instance."""

    def __init__(self, options: NewApiOptions, client: httpx.AsyncClient) -> None:
        self._options = options
        self._client = client

    async def fulfil(self, request: Request) -> Outcome:
        try:
            return await self._create(self._options, request)
        except NoSupplierAnswer as error:
            return Unknown(str(error))

    async def look(self, request: Request) -> Look:
        try:
            made = await self._find(self._options, request.transaction_id)
        except NoSupplierAnswer as error:
            return Unknown(str(error))
        return NotDone() if made is None else Delivered(Deliverable("code", made))

    async def _create(self, instance: NewApiOptions, request: Request) -> Outcome:
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
                return Delivered(Deliverable("code", code))
        return Unknown("no code in New API's answer")

    async def _find(self, instance: NewApiOptions, name: str) -> str | None:
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
        instance: NewApiOptions,
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


def _make(options: NewApiOptions, tools: Tools) -> NewApi:
    if not options.base_url.startswith(("https://", "http://")):
        raise OptionsRefused("base_url begins with https:// or http://")
    return NewApi(options, tools.client)


SUPPLIER = Registration(
    name="new_api",
    text="A redemption code of a New API instance.",
    options=NewApiOptions,
    make=_make,
    sample=lambda request: Deliverable("code", f"SANDBOX-{sample_text(request)}"),
    asked_again="look",
)
