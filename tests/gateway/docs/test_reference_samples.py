"""The reference's samples run as they are printed, in each language, and answer as the reference says."""

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.docs.code_repairs import REPAIRS
from gateway.docs.pages import PLACEHOLDER
from gateway.docs.reference import Operation, resources
from tests.gateway.docs import reference_stage as stage
from tests.gateway.docs.reference_stage import Maker, Stage, Words
from tests.support.gateway import API, Gateway
from tests.support.gateway_worker import delivering
from tests.support.openapi_check import the_document
from tests.support.printed_shape import differences
from tests.support.receiver import Receiver
from tests.support.sample_programs import Program, run_node, run_python, run_shell
from tests.support.sampled import Within

pytestmark = pytest.mark.one_database

SAMPLED = Within(3, "samples of the reference")
LANGUAGES = ("curl", "Python", "JavaScript")
# Calls that need more than the ids in their path: what is there before them.
NEEDS: Mapping[str, Maker] = {
    "POST /topup/cancel": stage.pending,
    "POST /topup/{transaction_id}/resend": stage.mailed,
    "POST /sandbox/topups/{transaction_id}": stage.pending,
    "PUT /billing/details": stage.live,
    "GET /events/stream": stage.event,
    **{
        f"{method} /topup/balance/recharge{rest}": stage.signed_in
        for method in ("GET", "PUT", "POST", "DELETE")
        for rest in ("", "/methods", "/methods/{method_ref}")
    },
    "PUT /account/limits": stage.signed_in,
    "POST /webhooks/register": stage.address,
    "POST /vouchers/redeem": stage.voucher,
    "POST /codes/redeem": stage.code,
    "POST /subscriptions/{subscription_id}/resume": stage.ending,
    "POST /subscriptions/{subscription_id}/free-periods": stage.overdue,
    "POST /subscriptions/{subscription_id}/free-periods/{period_id}/revoke": stage.free_period,
    "POST /orders/{order_id}/refund": stage.refundable,
    **{
        f"GET /{path}": stage.operator
        for path in ("refunds", "disputes", "reports/revenue", "reports/outstanding")
    },
    "POST /keys/{key_id}/resume": stage.paused,
    "POST /cli/login/token": stage.login,
    "DELETE /tokens": stage.token,
    "POST /replays/{replay_id}/resume": stage.paused_replay,
    **{
        f"{method} /admin/{path}": stage.operator
        for method in ("GET", "POST", "PUT")
        for path in (
            "billing/plans",
            "billing/plans/{plan_id}",
            "billing/coupons",
            "credits/transactions",
            "credits/manual",
            "checkin/config",
        )
    },
    "POST /deliveries/{delivery_id}/cancel": stage.waiting_delivery,
    "POST /subscription/portal": stage.subscription,
    "POST /api/user/topup": stage.code,
    "POST /api/v1/user/oauth/issue-token": stage.app_code,
    **{
        f"POST /api/v1/{path}": stage.app_token
        for path in (
            "user/oauth/user-info",
            "user/oauth/balance",
            "user/oauth/charge",
            "user/oauth/management-token",
            "user/oauth/management-token/update",
            "pay/oa/stripe/create-order",
            "pay/oa/stripe/create-invoice-order",
        )
    },
}
# By the first id in the path, where the table above has nothing.
MAKERS: Mapping[str, Maker] = {
    "transaction_id": stage.delivered,
    "endpoint_id": stage.endpoint,
    "approval_id": stage.approval,
    "batch_id": stage.batch,
    "hold_id": stage.hold,
    "order_id": stage.order,
    "document_id": stage.document,
    "subscription_id": stage.subscription,
    "refund_id": stage.refund,
    "key_id": stage.child,
    "link_id": stage.portal_link,
    "token_id": stage.token,
    "event_id": stage.event,
    "delivery_id": stage.delivery,
    "replay_id": stage.replay,
    "code": stage.voucher,
    "entitlement_name": stage.subscription,
}
# What a call is refused with as it stands, and why a sample cannot show more.
REFUSED: Mapping[str, tuple[int, str]] = {
    "POST /x402/topup": (402, "the first of two calls: it asks for the price"),
    "GET /topup/balance/recharge": (404, "a person has saved a card at the provider's page before"),
    "PUT /topup/balance/recharge": (422, "the same"),
    "DELETE /topup/balance/recharge": (404, "the same"),
    "DELETE /topup/balance/recharge/methods/{method_ref}": (404, "the same"),
    "POST /fulfilment/{transaction_id}": (401, "the supplier's service signs it"),
    "POST /subscriptions/{subscription_id}/free-periods": (409, "the plan's period is paid"),
    "POST /webhooks/{endpoint_id}/certify": (
        422,
        "the counter is the reader's: its address counts nothing",
    ),
}
# Fields whose names are data, and one answer that is as the call before it left it.
FREE: Final = re.compile(
    r"\.(metadata|entitlements|timings_ms|request_headers|headers|discount|color)\b"
    r"|^GET /admin/checkin/config|^GET /audit .*\.(before|after)\."
)


class Printed(HTMLParser):
    """The text of each <pre> of a page, by its id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.blocks: dict[str, str] = {}
        self._inside: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre":
            self._inside = dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self.blocks[self._inside] = self.blocks.get(self._inside, "") + data


@dataclass(frozen=True, slots=True)
class Sample:
    operation: Operation
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.operation.method} {self.operation.path.removeprefix('/api/public/v1')}"


async def printed(gateway: Gateway) -> list[Sample]:
    """Every sample of every page of the reference, as it is served."""
    found = []
    listed = resources(the_document(), PLACEHOLDER)
    for resource in listed:
        path = f"/docs/api/{resource.slug}"
        blocks = Printed((await gateway.client.get(path)).text).blocks
        text = (await gateway.client.get(f"{path}.md")).text
        for operation in resource.operations:
            texts = [blocks[f"{operation.anchor}-{number}"] for number in (1, 2, 3)]
            assert f"```sh\n{texts[0]}\n```" in text
            found += [
                Sample(operation, language, one)
                for language, one in zip(LANGUAGES, texts, strict=True)
            ]
    calls = {(one.method, one.path): one for resource in listed for one in resource.operations}
    return found + [one async for one in printed_with_codes(gateway, calls)]


async def printed_with_codes(
    gateway: Gateway, calls: Mapping[tuple[str, str], Operation]
) -> AsyncIterator[Sample]:
    """The right call on the page of each code that has one."""
    for code, repair in REPAIRS.items():
        if repair.call is None:
            continue
        page = (await gateway.client.get(f"/docs/codes/{code}")).text
        text = (await gateway.client.get(f"/docs/codes/{code}.md")).text
        [block] = re.findall(r"```sh\n(.*?)\n```", text, re.DOTALL)
        assert block in Printed(page).blocks.values()
        method, path = repair.call
        yield Sample(calls[method, API + path], "curl", block)


def maker_of(sample: Sample) -> Maker:
    params = re.findall(r"\{(\w+)\}", sample.operation.path)
    return NEEDS.get(sample.name) or (MAKERS[params[0]] if params else stage.nothing)


class Prepared:
    """The words of each sample; what only reads shares what is there."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._shared: dict[Maker, Words] = {}

    async def of(self, sample: Sample) -> Words:
        maker = maker_of(sample)
        if sample.operation.method == "GET" and maker in self._shared:
            return self._shared[maker]
        words = await self._stage.customer()
        await maker(self._stage, words)
        if sample.operation.method == "GET":
            # Another method may end what a later one reads, such as the key itself.
            self._shared[maker] = words
        return words


@SAMPLED.mark
async def test_each_sample_of_the_reference_runs_as_printed(
    gateway: Gateway, tmp_path: Path
) -> None:
    programs: dict[str, list[Program]] = {language: [] for language in LANGUAGES}
    every = await printed(gateway)
    samples = chosen(every)
    async with Receiver() as receiver, delivering(gateway):
        prepared = Prepared(await Stage.set(gateway, receiver.url))
        for sample in samples:
            words = await prepared.of(sample)
            text, is_endless = words.in_text(sample.text), sample.operation.call.streams
            programs[sample.language].append(Program(sample.name, text, words.env, is_endless))
        said = await asyncio.gather(
            run_shell(programs["curl"], tmp_path),
            run_python(programs["Python"], tmp_path),
            run_node(programs["JavaScript"], tmp_path),
        )
    answers = {language: iter(texts) for language, texts in zip(LANGUAGES, said, strict=True)}

    assert len(every) > 440
    assert REFUSED.keys() <= {sample.name for sample in every}
    faults = [
        fault for sample in samples for fault in faults_of(sample, next(answers[sample.language]))
    ]
    assert not faults, "\n".join(faults)


def chosen(every: Sequence[Sample]) -> list[Sample]:
    """Return each call in one of its languages, another one each day; in `make prove` in all of them."""
    calls: dict[str, list[Sample]] = {}
    for one in every:
        calls.setdefault(one.name, []).append(one)
    return [one for name, samples in calls.items() for one in SAMPLED.part(samples, name=name)]


def faults_of(sample: Sample, said: str) -> list[str]:
    """What its answer has otherwise than the page; said: what the sample printed."""
    where, operation = f"{sample.name} in {sample.language}", sample.operation
    if operation.call.streams:
        return [] if "event: topup.delivered" in said else [f"{where}: {said}"]
    status, body = parsed(sample, said)
    wanted = REFUSED.get(sample.name)
    if wanted is not None:
        return [] if status == wanted[0] else [f"{where}: {said}"]
    answer = next((one for one in operation.answers if one.status == str(status)), None)
    if answer is None:
        return [f"{where}: {said}"]
    shape = differences(answer.example, body) if answer.example and body else []
    return [told for one in shape if not FREE.search(told := f"{where}: {one}")]


def parsed(sample: Sample, said: str) -> tuple[int, Any]:
    """The HTTP status and the body, each as that language prints it; 0 for what is no answer."""
    if sample.language == "curl":
        body, _, status = said.strip().rpartition("\n")
    else:
        status, _, body = said.strip().partition(" ")
    if not status.isdecimal() or not body:
        return int(status) if status.isdecimal() else 0, None
    return int(status), ast.literal_eval(body) if sample.language == "Python" else json.loads(body)
