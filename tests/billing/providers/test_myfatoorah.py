"""MyFatoorah: links, inquiries, and notifications of both generations, which never credit alone."""

import base64
import hashlib
import hmac
import json

import pytest
import respx

from billing.ledger.price import Price
from billing.providers.protocol import (
    Expired,
    Fact,
    Failed,
    Ignored,
    NotificationRefused,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    Subject,
    Unconfirmed,
    Waiting,
)
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, ORDER_ID, posted, provider, recorded, wish

PAYMENT_ID = "07076097700327714676"
SEND = f"{API_BASE}/v2/SendPayment"
STATUS = f"{API_BASE}/v2/GetPaymentStatus"
# Put together by hand from the recordings, by the rule of each generation.
SIGNED_V1 = (
    f"AuthorizationId=B77391,BaseCurrency=KWD,CreatedDate=13022021151401,CustomerEmail=,"
    f"CustomerMobile=+965,CustomerName=Customer,CustomerReference={ORDER_ID},DisplayCurrency=KWD,"
    f"InvoiceId=6097700,InvoiceReference=2021000020,InvoiceValueInBaseCurrency=6.200,"
    f"InvoiceValueInDisplayCurrency=6.200,InvoiceValueInPayCurrency=6.200,PayCurrency=KWD,"
    f"PaymentId={PAYMENT_ID},PaymentMethod=KNET,ReferenceId=104410001,TrackId=13-02-2021_24412,"
    f"TransactionStatus=SUCCESS,UserDefinedField={ORDER_ID}"
)
SIGNED_V1_REFUND = (
    "Amount=3.1,Comments=Asked for, by the payer,CreatedDate=04032021210447,InvoiceId=6097700,"
    "RefundId=2840,RefundReference=2021000019,RefundStatus=REFUNDED"
)
SIGNED_V2_REFUND = (
    "Refund.Id=91022,Refund.Status=REFUNDED,Amount.ValueInBaseCurrency=3.100,"
    "ReferencedInvoice.Id=6097700"
)
SIGNED_V2 = (
    "Invoice.Id=6097700,Invoice.Status={invoice},Transaction.Status={transaction},"
    f"Transaction.PaymentId={PAYMENT_ID},Invoice.ExternalIdentifier={{order}}"
)


def facts_of(body: bytes, signed: str) -> tuple[Fact, ...]:
    digest = hmac.digest(b"mf_secret", signed.encode(), hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return provider("myfatoorah").read(posted(b"myfatoorah-signature", signature, body)).facts


def second(invoice: str, transaction: str, order: str | None = ORDER_ID) -> tuple[bytes, str]:
    event = json.loads(recorded("myfatoorah-v2-payment"))
    event["Data"]["Invoice"].update(Status=invoice, ExternalIdentifier=order)
    event["Data"]["Transaction"]["Status"] = transaction
    signed = SIGNED_V2.format(invoice=invoice, transaction=transaction, order=order or "")
    # White space between the parts is not signed, whatever is written.
    return json.dumps(event, indent=2).encode(), signed


def test_the_first_generation_says_paid_and_is_asked_to_prove_it() -> None:
    subject = Subject(ORDER_ID, ("6097700", PAYMENT_ID))

    facts = facts_of(recorded("myfatoorah-v1-payment"), SIGNED_V1)
    failed = facts_of(recorded("myfatoorah-v1-failed"), SIGNED_V1.replace("=SUCCESS", "=FAILED"))

    assert facts == (Unconfirmed(subject, "6097700"),)
    assert failed == (Failed(subject, "the payment failed"),)


def test_the_first_generation_signs_each_field() -> None:
    event = json.loads(recorded("myfatoorah-v1-payment"))
    event["Data"]["InvoiceValueInBaseCurrency"] = "9.200"

    with pytest.raises(NotificationRefused) as refused:
        facts_of(json.dumps(event).encode(), SIGNED_V1)

    assert refused.value.reason == "signature"


@pytest.mark.parametrize("field", ["CustomerMobile", "DisplayCurrency"])
def test_another_message_of_the_same_signed_text_is_refused(field: str) -> None:
    event = json.loads(recorded("myfatoorah-v1-payment"))
    data = event["Data"]
    # One value swallows the field behind it: the text that is signed stays what it was.
    names = sorted(data, key=str.lower)
    swallowed = names[names.index(field) + 1]
    data[field] = f"{data[field]},{swallowed}={data.pop(swallowed)}"

    with pytest.raises(NotificationRefused) as refused:
        facts_of(json.dumps(event).encode(), SIGNED_V1)

    assert refused.value.reason == "form"


@pytest.mark.parametrize(
    ("invoice", "transaction", "kind"),
    [
        ("PAID", "SUCCESS", Unconfirmed),
        ("PAID", "FAILED", Unconfirmed),  # an earlier try of a paid invoice
        ("PENDING", "FAILED", Failed),
        ("PENDING", "CANCELED", Failed),
        ("PENDING", "AUTHORIZE", Waiting),
        ("PENDING", "SUCCESS", Waiting),
        ("EXPIRED", "", Expired),
        ("CANCELED", "", Failed),
    ],
)
def test_the_second_generation_tells_of_invoice_and_payment(
    invoice: str, transaction: str, kind: type[Fact]
) -> None:
    (fact,) = facts_of(*second(invoice, transaction))

    assert type(fact) is kind


def test_without_an_identifier_the_order_is_found_by_its_invoice() -> None:
    (fact,) = facts_of(*second("PAID", "SUCCESS", order=None))

    # The user's field is not signed, so it is not believed.
    assert fact == Unconfirmed(Subject(None, ("6097700", PAYMENT_ID)), "6097700")


@pytest.mark.parametrize(
    ("name", "signed", "key", "price"),
    [
        ("myfatoorah-v1-refund", SIGNED_V1_REFUND, "2840", Price(3100, "KWD")),
        ("myfatoorah-v2-refund", SIGNED_V2_REFUND, "91022", Price(3100, "KWD")),
    ],
)
def test_refunds_of_both_generations(name: str, signed: str, key: str, price: Price) -> None:
    assert facts_of(recorded(name), signed) == (Refunded(Subject(None, ("6097700",)), key, price),)


def test_a_refund_that_was_not_made_takes_nothing_back() -> None:
    event = json.loads(recorded("myfatoorah-v2-refund"))
    event["Data"]["Refund"]["Status"] = "CANCELED"
    signed = SIGNED_V2_REFUND.replace("REFUNDED", "CANCELED")

    assert facts_of(json.dumps(event).encode(), signed) == (
        RefundFailed(Subject(None, ("6097700",)), "91022", Price(3100, "KWD")),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Event":{"Code":1},"Data":[]}',
        b'{"Event":{"Code":"one","Name":"x"},"Data":{}}',
        b'{"Event":{"Code":9,"Name":"x"},"Data":{}}',
        b'{"EventType":null,"Event":"x","Data":{}}',
        b'{"Event":{"Code":1,"Name":"\\ud800"},"Data":{"Invoice":{"Id":"\\ud800"}}}',
        b'{"EventType":1,"Event":"x","Data":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(NotificationRefused):
        facts_of(body, "")


async def test_a_link_is_made_for_the_exact_price() -> None:
    with respx.mock() as vendor:
        made = vendor.post(SEND).respond(json=json.loads(recorded("myfatoorah-answer-link")))
        async with http_client() as client:
            one = provider("myfatoorah", client=client)
            opened = await one.open(wish("KWD", 6200, customer_email="payer@example.com"))

    assert opened.url == "https://demo.MyFatoorah.com/KWT/ie/0106260977004154"
    assert (opened.ref, opened.objects) == ("6097700", ("6097700",))
    request = made.calls.last.request
    assert request.headers["Authorization"] == "Bearer mf_hunter2"
    assert b'"InvoiceValue":6.200,' in request.content
    body = json.loads(request.content)
    assert body["CustomerReference"] == body["UserDefinedField"] == ORDER_ID
    assert (body["NotificationOption"], body["DisplayCurrencyIso"]) == ("LNK", "KWD")
    assert (body["CallBackUrl"], body["ErrorUrl"]) == (
        "https://shop.example/thanks",
        "https://shop.example/cart",
    )


@pytest.mark.parametrize(
    "request_",
    [wish("USD", 2000), wish("KWD", 6200, success_url="https://shop.example/" + "x" * 240)],
)
async def test_what_cannot_be_sold_is_refused_before_it_is_asked(request_: object) -> None:
    with pytest.raises(ProviderRefused):
        await provider("myfatoorah").open(request_)  # type: ignore[arg-type]


async def inquired(answer: str, order_id: str = ORDER_ID, status: int = 200) -> object:
    with respx.mock() as vendor:
        vendor.post(STATUS).respond(status, json=json.loads(recorded(answer)))
        async with http_client() as client:
            return await provider("myfatoorah", client=client).inquire(order_id, "6097700")


async def test_an_inquiry_tells_amount_and_payment() -> None:
    subject = Subject(ORDER_ID, ("6097700", PAYMENT_ID))

    assert await inquired("myfatoorah-answer-paid") == (
        Paid(subject, PAYMENT_ID, Price(6200, "KWD")),
    )
    assert await inquired("myfatoorah-answer-pending") == (
        Waiting(Subject(ORDER_ID, ("6097700",))),
    )


async def test_an_answer_about_another_order_says_nothing_of_this_one() -> None:
    facts = await inquired("myfatoorah-answer-paid", "ord_0000000000000000")

    assert facts == (Ignored("the invoice is another order's"),)


async def test_a_refusal_names_the_field_and_not_what_was_said_of_it() -> None:
    with respx.mock() as vendor:
        vendor.post(SEND).respond(400, json=json.loads(recorded("myfatoorah-answer-refused")))
        async with http_client() as client:
            with pytest.raises(ProviderRefused) as refused:
                await provider("myfatoorah", client=client).open(wish("KWD", 6200))

    assert refused.value.detail == "myfatoorah refused the payment: CallBackUrl"


async def test_an_inquiry_that_is_refused_tells_nothing() -> None:
    with pytest.raises(ProviderUnavailable):
        await inquired("myfatoorah-answer-refused", status=400)
