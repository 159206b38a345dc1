"""Webhook endpoints: send a sample event to one."""

from typing import Annotated, Final

from msgspec import Meta

from kernel.errors import DomainError
from kernel.fields import Fields, word_of
from keys.act import MERCHANT, CallContext, Failing, Pace, StepsAct
from webhooks.deliveries import log
from webhooks.delivery_log.views import Attempt
from webhooks.endpoints.ping import Sender, send_test
from webhooks.events.event import EVENT_TYPES, TEST_EVENT


class SampleRefused(DomainError):
    """The endpoint did not accept the sample event."""


class TestEventBody(Fields, frozen=True, kw_only=True):
    """Which sample is sent."""

    event: Annotated[
        str, word_of(EVENT_TYPES), Meta(max_length=64, description="Of which type.")
    ] = TEST_EVENT


async def test(context: CallContext, asked: TestEventBody) -> log.Attempt:
    await context.pace()
    sender = context.service(Sender)
    return await send_test(sender, context.tenant, context.object_id, asked.event)


def _not_taken(attempt: log.Attempt) -> str | None:
    if attempt.error is None:
        return None
    answered = f"HTTP {attempt.http_status}" if attempt.http_status else attempt.error
    return f"the endpoint did not take the sample: {answered}"


TEST: Final = StepsAct(
    name="webhooks.test",
    summary="Send a sample event",
    path="/webhooks/{endpoint_id}/test",
    scopes=("webhooks:write",),
    audience=(MERCHANT,),
    input=TestEventBody,
    run=test,
    result=Attempt,
    failing=Failing(SampleRefused, _not_taken),
    paces=(
        Pace(5, 5, "test pings of one webhook", is_per_object=True),
        Pace(20, 10, "test pings of one account"),
        Pace(30, 3600, "test pings of a sandbox account", is_sandbox=True),
    ),
    examples=(
        "topup webhooks test we_5Fxp",
        "topup webhooks test we_5Fxp --event topup.failed",
    ),
)
ACTS: Final = (TEST,)
