"""Sell OpenRouter keys with a credit limit that later top-ups raise.

`limit` and `usage` are lifetime amounts in US dollars. Keys are listed newest first, 100 per page. A key's secret is
shown only when it is created.

OpenRouter has no idempotency keys. After a lost response, the new key is found by its name and deleted, and another one
is created. Sources: OpenRouter's API reference and its Python SDK 1.3.84.
"""

from decimal import Decimal
from typing import Annotated, Final
from urllib.parse import quote

import msgspec

from billing.fulfilment.asking import (
    HTTP_NOT_FOUND,
    HTTP_OK,
    NoSupplierAnswer,
    VendorApi,
    cents_of_usd,
    decoded,
    is_same_usd,
    refusal_of,
    shown_usd,
    usd_of_number,
)
from billing.fulfilment.limited_key import (
    KeyChange,
    KeyState,
    KeyVendor,
    LimitedKeys,
    MadeKey,
    Mark,
    has_passed,
    key_amount,
)
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    Health,
    Options,
    Refused,
    Registration,
    Request,
    Sealed,
    Tools,
    sample_text,
)
from billing.topups.topup import Deliverable
from kernel.clock import Clock

# One attempt makes at most five calls, in addition to reading the list.
TIMEOUT_S_MAX: Final = ASK_S_MAX / 5
PAGES_MAX: Final = 10
HTTP_CREATED: Final = 201


class OpenRouterOptions(Options, frozen=True, kw_only=True):
    """Options of a supplier of kind openrouter. `management_key` manages keys and can't call models. With
    `include_byok_in_limit`, usage of the account's own provider keys counts toward the limit.
    """

    management_key: Sealed
    base_url: Annotated[str, msgspec.Meta(min_length=8, max_length=2_000)] = (
        "https://openrouter.ai/api/v1"
    )
    workspace_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    include_byok_in_limit: bool = True
    redeem_url: Annotated[str, msgspec.Meta(max_length=500)] = (
        "https://openrouter.ai/docs/quickstart"
    )
    instructions: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_S_MAX)] = 8.0


class _Key(msgspec.Struct):
    hash: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: str
    usage: float
    limit: float | None
    disabled: bool
    label: str = ""
    limit_remaining: float | None = None
    limit_reset: str | None = None
    expires_at: str | None = None


class _KeyAnswer(msgspec.Struct):
    data: _Key


class _MadeAnswer(msgspec.Struct):
    data: _Key
    key: Annotated[str, msgspec.Meta(min_length=16, max_length=500)]


class _ListAnswer(msgspec.Struct):
    data: list[_Key]


class _Credits(msgspec.Struct):
    total_credits: float
    total_usage: float


class _CreditsAnswer(msgspec.Struct):
    data: _Credits


class OpenRouterKeys(KeyVendor):
    name = "OpenRouter"
    key_name = "OpenRouter key"
    costs_face_value = True

    def __init__(self, options: OpenRouterOptions, api: VendorApi, clock: Clock) -> None:
        super().__init__(options, api)
        self._config = options
        self._clock = clock

    async def find(self, key_id: str) -> KeyState | None:
        answer = await self._api.call("GET", _path(key_id))
        if answer.status == HTTP_NOT_FOUND:
            refusal_of(answer)
            return None
        _must_be_ok(answer.status)
        return self._state(decoded(answer.body, _KeyAnswer).data, key_id)

    async def make(
        self,
        request: Request,
        limit: Decimal,
        mark: Mark,
        sealed: str | None,  # noqa: ARG002
    ) -> MadeKey | Refused:
        if request.attempt > 1:
            await self._delete_lost(str(mark))
        body = {
            "name": str(mark),
            "limit": limit,
            "include_byok_in_limit": self._config.include_byok_in_limit,
        }
        if self._config.workspace_id is not None:
            body["workspace_id"] = self._config.workspace_id
        answer = await self._api.call("POST", "/keys", body=body)
        if answer.status != HTTP_CREATED:
            return self.refused(refusal_of(answer))
        made = decoded(answer.body, _MadeAnswer)
        amount = key_amount(made.data.limit)
        if amount is None or not is_same_usd(amount, limit):
            raise NoSupplierAnswer("a key with another limit than asked for")
        return MadeKey(made.data.hash, made.key)

    async def change(self, key_id: str, change: KeyChange) -> Refused | None:
        body: dict[str, object] = {"name": str(change.mark), "limit": change.limit}
        if change.is_disabled is not None:
            body["disabled"] = change.is_disabled
        return self.changed(await self._api.call("PATCH", _path(key_id), body=body))

    def made(self, secret: str, limit: Decimal) -> Deliverable:
        return self.given(
            Deliverable("key", secret),
            f"This key has {shown_usd(limit)} of credit at OpenRouter. Use it as the API key of any "
            f"program that speaks the OpenAI API, with the base URL {self._config.base_url}. Example:\n"
            f"curl {self._config.base_url}/chat/completions -H 'Authorization: Bearer YOUR_KEY' "
            '-H \'Content-Type: application/json\' -d \'{"model": "openrouter/auto", '
            '"messages": [{"role": "user", "content": "Hello"}]}\'\n'
            "Keep it: later top-ups raise the limit of this same key.",
        )

    async def balance_cents(self) -> int:
        answer = await self._api.call("GET", "/credits")
        _must_be_ok(answer.status)
        found = decoded(answer.body, _CreditsAnswer).data
        return cents_of_usd(usd_of_number(found.total_credits) - usd_of_number(found.total_usage))

    async def probe(self) -> Health:
        left = await self.balance_cents()
        shown = shown_usd(Decimal(left) / 100)
        if left <= 0:
            return Health(is_well=False, detail=f"the account at OpenRouter has {shown} left")
        return Health(is_well=True, detail=f"OpenRouter knows the management key; {shown} left")

    async def _delete_lost(self, name: str) -> None:
        """Delete unused keys with this name. Nobody received their secrets."""
        offset = 0
        for _ in range(PAGES_MAX):
            params = {"offset": str(offset), "include_disabled": "true"}
            if self._config.workspace_id is not None:
                params["workspace_id"] = self._config.workspace_id
            answer = await self._api.call("GET", "/keys", params=params)
            _must_be_ok(answer.status)
            page = decoded(answer.body, _ListAnswer).data
            for lost in page:
                if lost.name == name and lost.usage == 0:
                    await self._delete(lost.hash)
            if not page:
                return
            offset += len(page)

    async def _delete(self, key_id: str) -> None:
        answer = await self._api.call("DELETE", _path(key_id))
        if answer.status == HTTP_NOT_FOUND:
            refusal_of(answer)
        else:
            _must_be_ok(answer.status)

    def _state(self, key: _Key, key_id: str) -> KeyState:
        if key.hash != key_id:
            raise NoSupplierAnswer("an answer about another key")
        limit, remaining = key_amount(key.limit), key_amount(key.limit_remaining)
        used = usd_of_number(key.usage)
        if limit is not None and remaining is not None and key.limit_reset is None:
            used = limit - remaining
        return KeyState(key.hash, key.label, key.name, limit or Decimal(0), used, self._closed(key))

    def _closed(self, key: _Key) -> str | None:
        if key.disabled:
            return "it is disabled"
        if key.limit is None:
            return "it has no limit"
        if key.limit_reset is not None:
            return "its limit resets periodically"
        if key.expires_at is not None and has_passed(key.expires_at, self._clock):
            return "it has expired"
        return None


def _path(key_id: str) -> str:
    return f"/keys/{quote(key_id, safe='')}"


def _must_be_ok(status: int) -> None:
    if status != HTTP_OK:
        raise NoSupplierAnswer(f"HTTP {status}")


def _make(options: OpenRouterOptions, tools: Tools) -> LimitedKeys:
    api = VendorApi(
        tools.client,
        options.base_url,
        headers={"Authorization": f"Bearer {options.management_key}"},
        timeout_s=options.timeout_s,
    )
    return LimitedKeys(OpenRouterKeys(options, api, tools.clock))


SUPPLIER = Registration(
    name="openrouter",
    text="An OpenRouter key with a credit limit, which later top-ups raise.",
    options=OpenRouterOptions,
    make=_make,
    sample=lambda request: Deliverable("key", f"sk-or-SANDBOX-{sample_text(request)}"),
    asked_again="look",
    is_one_per_recipient=True,
    where=("base_url", "workspace_id"),
)
