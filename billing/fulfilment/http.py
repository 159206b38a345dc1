"""Call the operator's own service with requests signed like webhooks (docs/suppliers.md).

If the response is unclear, the call is repeated with the same transaction_id. The service must then return the first
result. With `sign_answers`, the service must also sign its responses in the header webhook-signature, using the
transaction ID as webhook-id.
"""

from typing import Annotated, Any, Literal

import httpx
import msgspec

from billing.fulfilment.asking import (
    HTTP_OK,
    NoSupplierAnswer,
    SupplierAnswer,
    call,
    decoded,
    silence_is_unknown,
)
from billing.fulfilment.protocol import (
    ASK_S_MAX,
    CREDIT,
    Delivered,
    Health,
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
    Waiting,
    sample_text,
)
from billing.topups.plausible import COST_PERCENT_MAX, SupplierTerms, doubt_of_echo
from billing.topups.topup import (
    Deliverable,
    DeliverableKind,
    DeliverableRefused,
    checked_deliverable,
)
from kernel.clock import SECOND_US, parse_rfc3339
from kernel.errors import DomainError
from keys.signatures.signing import secret_key, signature_headers, verify

COST_CENTS_MAX = 10**12
AGAIN_S_MAX = 86_400.0


class HttpOptions(Options, frozen=True, kw_only=True):
    """Options of a supplier of kind http. `secret` (whsec_…) signs requests and, with `sign_answers`, responses.

    - shared_codes: comma-separated `platform` or `platform:amount_cents` entries whose top-ups may receive the same
      code.
    - cost_max_percent: the supplier's highest plausible cost, as a percentage of what the sender paid.
    - refusing_statuses: which of the statuses 404 and 422 mean a definite refusal.
    """

    url: Annotated[str, msgspec.Meta(min_length=8, max_length=2_000)]
    secret: Sealed
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=ASK_S_MAX)] = 10.0
    sign_answers: bool = False
    shared_codes: Annotated[str, msgspec.Meta(max_length=500)] = ""
    cost_max_percent: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = COST_PERCENT_MAX
    refusing_statuses: Annotated[str, msgspec.Meta(pattern=r"^(404|422|404,422|422,404)?$")] = ""


class GivenDeliverable(msgspec.Struct, forbid_unknown_fields=True):
    kind: DeliverableKind
    value: str | None = None
    redeem_url: str | None = None
    instructions: str | None = None
    expires_at: str | None = None

    def taken(self) -> Deliverable:
        try:
            expires_at = None if self.expires_at is None else parse_rfc3339(self.expires_at)
        except (ValueError, DomainError):
            raise DeliverableRefused("expires_at is a time in RFC 3339") from None
        return checked_deliverable(
            Deliverable(self.kind, self.value, self.redeem_url, self.instructions, expires_at)
        )


class _Reply(msgspec.Struct):
    status: Literal["delivered", "failed", "pending"]
    reason: str | None = None
    transaction_id: str | None = None
    deliverable: GivenDeliverable | None = None
    cost_cents: Annotated[int, msgspec.Meta(ge=0, le=COST_CENTS_MAX)] | None = None
    platform: str | None = None
    amount_cents: int | None = None
    environment: str | None = None
    again_in_s: Annotated[float, msgspec.Meta(ge=0, le=AGAIN_S_MAX)] | None = None


class Http(Supplier):
    def __init__(self, options: HttpOptions, tools: Tools) -> None:
        self._options = options
        self._client: httpx.AsyncClient = tools.client
        self._clock = tools.clock

    @silence_is_unknown
    async def fulfil(self, request: Request) -> Outcome:
        body = msgspec.json.encode(
            {
                "transaction_id": request.transaction_id,
                "environment": request.environment,
                "platform": request.platform,
                "amount_cents": request.amount_cents,
                "recipient_email": request.recipient_email,
                "voucher_code": request.voucher_code,
                "attempt": request.attempt,
            }
        )
        headers = {
            "Content-Type": "application/json",
            **signature_headers(
                secrets=[self._options.secret],
                message_id=request.transaction_id,
                timestamp_s=self._now_s(),
                body=body,
            ),
        }
        answer = await call(
            self._client,
            "POST",
            self._options.url,
            headers=headers,
            content=body,
            timeout_s=self._options.timeout_s,
        )
        if str(answer.status) in self._options.refusing_statuses.split(","):
            return Refused(f"the fulfilment answered {answer.status}")
        if answer.status != HTTP_OK:
            return Unknown(f"HTTP {answer.status}", again_in_s=answer.retry_after_s)
        if not self._is_believed(answer, request):
            return Unknown("an answer without the right signature")
        return _judge(decoded(answer.body, _Reply), request)

    async def probe(self) -> Health:
        try:
            answer = await call(
                self._client,
                "GET",
                self._options.url,
                headers={},
                timeout_s=self._options.timeout_s,
            )
        except NoSupplierAnswer as error:
            return Health(is_well=False, detail=f"the service: {error}")
        return Health(is_well=True, detail=f"something answers there (HTTP {answer.status})")

    def _now_s(self) -> int:
        return self._clock.now_us() // SECOND_US

    def _is_believed(self, answer: SupplierAnswer, request: Request) -> bool:
        if not self._options.sign_answers:
            return True
        headers = dict(answer.headers)
        return headers.get("webhook-id") == request.transaction_id and not verify(
            headers=headers, body=answer.body, secret=self._options.secret, now_s=self._now_s()
        )


def _judge(reply: _Reply, request: Request) -> Outcome:
    if reply.transaction_id not in {None, request.transaction_id}:
        return Unknown("an answer for another transaction", is_unreadable=True)
    if reply.status == "failed":
        return Refused(reply.reason or "refused by the fulfilment")
    if reply.status == "pending":
        return Waiting(again_in_s=reply.again_in_s)
    try:
        given = CREDIT if reply.deliverable is None else reply.deliverable.taken()
    except DeliverableRefused as error:
        return Unknown(f"a deliverable that cannot be kept: {error}", is_unreadable=True)
    doubt = doubt_of_echo(
        request.platform,
        request.amount_cents,
        request.environment,
        platform=reply.platform,
        amount_cents=reply.amount_cents,
        environment=reply.environment,
    )
    return Delivered(given, cost_cents=reply.cost_cents, doubt=doubt)


def _make(options: HttpOptions, tools: Tools) -> Http:
    try:
        secret_key(options.secret)
    except DomainError:
        raise OptionsRefused("secret is not a whsec_ secret") from None
    if not options.url.startswith(("https://", "http://")):
        raise OptionsRefused("url begins with https:// or http://")
    return Http(options, tools)


def _secret_of(options: Any) -> str:
    assert isinstance(options, HttpOptions)
    return options.secret


SUPPLIER = Registration(
    name="http",
    text="Your own service, which is called with signed requests.",
    options=HttpOptions,
    make=_make,
    sample=lambda request: Deliverable("code", f"SANDBOX-{sample_text(request)}"),
    asked_again="repeat",
    callback_secret=_secret_of,
    where=("url",),
    terms=lambda options: SupplierTerms(options.shared_codes, options.cost_max_percent),
)
