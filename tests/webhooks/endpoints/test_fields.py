import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.scripted_receiver import Client
from tests.support.webhook_rows import given_account, new_vault
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint, check_headers, check_target, policy_of
from webhooks.http.guard import Policy, UrlRefused

DAY_S = 86_400
URL = "https://hooks.example.com/in"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "new",
    [
        NewEndpoint(url=URL, events=["topup.exploded"]),
        NewEndpoint(url=URL, description="x" * 501),
        NewEndpoint(url=URL, description="a\x00b"),
        NewEndpoint(url=URL, retry_schedule_s=[]),
        NewEndpoint(url=URL, retry_schedule_s=[0] * 21),
        NewEndpoint(url=URL, retry_schedule_s=[0, 3 * DAY_S + 1]),
        NewEndpoint(url=URL, retry_schedule_s=[-1]),
        NewEndpoint(url=URL, rate_limit_per_s=0),
        NewEndpoint(url=URL, rate_limit_per_s=10_001),
        NewEndpoint(url=URL, headers={f"X-{n}": "v" for n in range(21)}),
    ],
)
async def test_what_is_out_of_range_is_refused(
    database: Database, clock: FixedClock, new: NewEndpoint
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")

    async def work(tx: Transaction) -> None:
        await register(
            tx, new_vault(), tenant=tenant, new=new, is_sandbox=False, now_us=clock.now_us()
        )

    with pytest.raises(InvalidInput):
        await database.transaction(work)


@pytest.mark.parametrize(
    "name",
    [
        "X-Request-Id",
        "Traceparent",
        "tracestate",
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Content-Type",
        "User-Agent",
        "webhook-id",
        "Webhook-Signature",
        "X-AiTopUp-Signature",
        "x-aitopup-anything",
        "Cookie",
        "",
        "two words",
        "a:b",
        "line\r\nbreak",
        "n" * 65,
    ],
)
def test_a_tenant_cannot_set_our_headers_or_break_the_request(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_headers({name: "value"})


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "\x00", "\u00e9", "v" * 1025])
def test_a_header_value_is_one_line_of_ascii(value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_headers({"X-Own": value})
    assert value not in str(caught.value)


def test_a_header_is_named_once_whatever_its_case() -> None:
    with pytest.raises(InvalidInput):
        check_headers({"X-Own": "1", "x-own": "2"})


@pytest.mark.parametrize("name", ["Transfer_Encoding", "Content_Length", "X_Own", "webhook_id"])
def test_a_header_name_with_an_underscore_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_headers({name: "1"})

    assert refused.value.param == "headers"


async def test_plain_http_is_for_staging(client: Client) -> None:
    policy = Policy()

    assert policy_of(policy, "staging").allow_http
    assert not policy_of(policy, "live").allow_http
    with pytest.raises(UrlRefused) as caught:
        await check_target("http://192.0.2.1/", Tenant("acc_1", "live"), policy, client())
    assert caught.value.reason == "scheme"


async def test_a_private_target_is_refused_at_registration(client: Client) -> None:
    with pytest.raises(UrlRefused) as caught:
        await check_target("https://127.0.0.1/", Tenant("acc_1", "live"), Policy(), client())
    assert caught.value.reason == "address"
