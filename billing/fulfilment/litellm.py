"""Sell virtual keys of a LiteLLM proxy. Each key has a budget, which later top-ups raise.

`max_budget` and `spend` are lifetime amounts in US dollars. A key's ID is the SHA-256 of its secret, in hex, and
aliases are unique. Since 2026, a deleted key has `status: "deleted"`.

Before calling LiteLLM, the gateway chooses a new key's secret and stores it encrypted. So a retry creates the same key.
The proxy's setting `disable_custom_api_keys` must be off.

Sources: litellm 1.109.1 (proxy/management_endpoints) and docs.litellm.ai/docs/proxy/virtual_keys.
"""

import base64
import hashlib
import secrets
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from billing.fulfilment.asking import (
    HTTP_NOT_FOUND,
    HTTP_OK,
    NoSupplierAnswer,
    VendorApi,
    decoded,
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
    OptionsRefused,
    Refused,
    Registration,
    Request,
    Sealed,
    Tools,
    Unknown,
    sample_text,
)
from billing.topups.topup import Deliverable
from keys.vault import SealBroken

TIMEOUT_S_MAX: Final = ASK_S_MAX / 5
PURPOSE: Final = "litellm key"
SECRET_BYTES: Final = 24


class LiteLlmOptions(Options, frozen=True, kw_only=True):
    """Options of a supplier of kind litellm. The gateway calls `base_url`, and recipients are given `public_url`.
    `models` is a comma-separated list; if it is null, all models are allowed.
    """

    base_url: Annotated[str, msgspec.Meta(min_length=8, max_length=2_000)]
    admin_key: Sealed
    public_url: Annotated[str, msgspec.Meta(min_length=8, max_length=200)] | None = None
    models: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)] | None = None
    team_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    redeem_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_S_MAX)] = 8.0

    @property
    def shown_url(self) -> str:
        return (self.public_url or self.base_url).rstrip("/") + "/v1"


class _Info(msgspec.Struct):
    spend: float
    max_budget: float | None
    key_alias: str | None = None
    key_name: str | None = None
    budget_duration: str | None = None
    blocked: bool | None = None
    expires: str | None = None
    status: str | None = None


class _InfoAnswer(msgspec.Struct):
    info: _Info


class _ListAnswer(msgspec.Struct):
    total_count: int


class LiteLlmKeys(KeyVendor):
    name = "LiteLLM"
    costs_face_value = False

    def __init__(self, options: LiteLlmOptions, api: VendorApi, tools: Tools) -> None:
        super().__init__(options, api)
        self._config = options
        self._vault = tools.vault
        self._clock = tools.clock

    async def find(self, key_id: str) -> KeyState | None:
        answer = await self._api.call("GET", "/key/info", params={"key": key_id})
        if answer.status == HTTP_NOT_FOUND:
            refusal_of(answer)
            return None
        if answer.status != HTTP_OK:
            raise NoSupplierAnswer(f"HTTP {answer.status}")
        info = decoded(answer.body, _InfoAnswer).info
        if info.status == "deleted":
            return None
        return KeyState(
            id=key_id,
            label=info.key_name or key_id[:8],
            name=info.key_alias or "",
            limit=key_amount(info.max_budget) or Decimal(0),
            used=usd_of_number(info.spend),
            closed=self._closed(info),
        )

    def planned_secret(self, request: Request, sealed: str | None) -> str | None:
        if sealed is not None:
            return sealed
        secret = f"sk-{secrets.token_urlsafe(SECRET_BYTES)}"
        blob = self._vault.seal(secret.encode(), purpose=PURPOSE, subject=request.transaction_id)
        return base64.b64encode(blob).decode()

    async def make(
        self, request: Request, limit: Decimal, mark: Mark, sealed: str | None
    ) -> MadeKey | Refused | Unknown:
        body: dict[str, object] = {
            "key": self._opened(request, sealed),
            "key_alias": str(mark),
            "max_budget": limit,
            "key_type": "llm_api",
        }
        if self._config.models is not None:
            body["models"] = [one.strip() for one in self._config.models.split(",")]
        if self._config.team_id is not None:
            body["team_id"] = self._config.team_id
        answer = await self._api.call("POST", "/key/generate", body=body)
        found = await self.find_made(request, mark, sealed)
        if found is not None:
            return found
        if answer.status == HTTP_OK:
            raise NoSupplierAnswer("a key that cannot be seen")
        return self.refused(refusal_of(answer))

    async def find_made(
        self, request: Request, mark: Mark, sealed: str | None
    ) -> MadeKey | Unknown | None:
        secret = self._opened(request, sealed)
        key_id = hashlib.sha256(secret.encode()).hexdigest()
        key = await self.find(key_id)
        if key is None:
            return None
        if key.closed is not None or key.name != str(mark):
            why = key.closed or f"it is called {key.name}"
            return Unknown(
                f"the key {key.label} was made and not handed over: {why}", needs_review=True
            )
        return MadeKey(key_id, secret)

    async def change(self, key_id: str, change: KeyChange) -> Refused | None:
        body: dict[str, object] = {
            "key": key_id,
            "key_alias": str(change.mark),
            "max_budget": change.limit,
        }
        if change.is_disabled is not None:
            body["blocked"] = change.is_disabled
        return self.changed(await self._api.call("POST", "/key/update", body=body))

    def made(self, secret: str, limit: Decimal) -> Deliverable:
        url = self._config.shown_url
        return self.given(
            Deliverable("key", secret),
            f"This key has a budget of {shown_usd(limit)}. Use it as the API key of any program that "
            f"speaks the OpenAI API, with the base URL {url}. Which models there are: "
            f"curl {url}/models -H 'Authorization: Bearer YOUR_KEY'\n"
            "Keep it: later top-ups raise the budget of this same key.",
        )

    async def probe(self) -> Health:
        answer = await self._api.call("GET", "/key/list", params={"size": "1"})
        if answer.status != HTTP_OK:
            raise NoSupplierAnswer(f"HTTP {answer.status}")
        number = decoded(answer.body, _ListAnswer).total_count
        return Health(
            is_well=True, detail=f"LiteLLM knows the key, which sees {number} keys of the proxy"
        )

    def _opened(self, request: Request, sealed: str | None) -> str:
        try:
            blob = base64.b64decode(sealed or "", validate=True)
            return self._vault.open(blob, purpose=PURPOSE, subject=request.transaction_id).decode()
        except (ValueError, SealBroken):
            raise NoSupplierAnswer("the key that was prepared does not open") from None

    def _closed(self, info: _Info) -> str | None:
        if info.blocked:
            return "it is blocked"
        if info.max_budget is None:
            return "it has no budget"
        if info.budget_duration is not None:
            return "its budget resets periodically"
        if info.expires is not None and has_passed(info.expires, self._clock):
            return "it has expired"
        return None


def _make(options: LiteLlmOptions, tools: Tools) -> LimitedKeys:
    if not options.shown_url.startswith(("https://", "http://")):
        raise OptionsRefused("public_url begins with https:// or http://")
    api = VendorApi(
        tools.client,
        options.base_url,
        headers={"Authorization": f"Bearer {options.admin_key}"},
        timeout_s=options.timeout_s,
    )
    return LimitedKeys(LiteLlmKeys(options, api, tools))


SUPPLIER = Registration(
    name="litellm",
    text="A virtual key of a LiteLLM proxy with a budget, which later top-ups raise.",
    options=LiteLlmOptions,
    make=_make,
    sample=lambda request: Deliverable("key", f"sk-SANDBOX-{sample_text(request)}"),
    asked_again="look",
    is_one_per_recipient=True,
    where=("base_url",),
)
