"""What the Python client repeats, and what it never does."""

from collections.abc import Callable

import pytest
from topup_gateway import (
    ApiError,
    AsyncClient,
    BadRequest,
    Client,
    ConnectionFailed,
    Retries,
    TryLater,
    UnexpectedAnswer,
)

from tests.support.flaky_gateway import (
    BUSY,
    FUNDED,
    IN_PROGRESS,
    LIMITED,
    LIMITED_FOR_LONG,
    PROXY,
    SILENT,
    WRONG,
    FlakyGateway,
    Reply,
)

pytestmark = pytest.mark.one_database


def called(gateway: FlakyGateway, call: Callable[[Client], object]) -> None:
    retries = Retries(tries_max=3, wait_s=0.001)
    with gateway, Client(gateway.url, "ak_test", retries=retries) as client:
        call(client)


def fund(client: Client) -> None:
    funded = client.sandbox.fund(amount_cents=100)
    assert funded.data.balance_cents == 300


def read(client: Client) -> None:
    assert client.orders.receipt_pdf("ord_1").startswith(b"{")


def keyless(client: Client) -> None:
    client.keys.create_sandbox()


@pytest.mark.parametrize("first", [BUSY, IN_PROGRESS, LIMITED, PROXY, SILENT])
def test_a_call_is_repeated_with_the_same_key(first: Reply) -> None:
    gateway = FlakyGateway(first, FUNDED)

    called(gateway, fund)

    assert len(gateway.keys) == 2
    assert gateway.keys[0]
    assert len(set(gateway.keys)) == 1


@pytest.mark.parametrize("first", [BUSY, LIMITED, PROXY, SILENT])
def test_a_read_is_repeated(first: Reply) -> None:
    gateway = FlakyGateway(first, FUNDED)

    called(gateway, read)

    assert gateway.keys == [None, None]


@pytest.mark.parametrize(
    ("reply", "error"),
    [(BUSY, TryLater), (LIMITED, TryLater), (PROXY, UnexpectedAnswer), (SILENT, ConnectionFailed)],
)
def test_a_call_without_a_key_is_never_repeated(reply: Reply, error: type[Exception]) -> None:
    gateway = FlakyGateway(reply)

    with pytest.raises(error):
        called(gateway, keyless)

    assert gateway.keys == [None]


@pytest.mark.parametrize("reply", [WRONG, LIMITED_FOR_LONG])
def test_what_would_not_help_is_not_repeated(reply: Reply) -> None:
    gateway = FlakyGateway(reply)

    with pytest.raises(ApiError):
        called(gateway, fund)

    assert len(gateway.keys) == 1


@pytest.mark.parametrize("reply", [BUSY, PROXY, SILENT])
def test_the_attempts_are_bounded_and_the_error_has_the_key(reply: Reply) -> None:
    gateway = FlakyGateway(reply)

    with pytest.raises((TryLater, UnexpectedAnswer, ConnectionFailed)) as failed:
        called(gateway, fund)

    assert len(gateway.keys) == 3
    assert failed.value.idempotency_key == gateway.keys[0]


def test_each_call_has_a_key_of_its_own() -> None:
    gateway = FlakyGateway(FUNDED)

    def call(client: Client) -> None:
        fund(client)
        fund(client)

    called(gateway, call)

    assert len(set(gateway.keys)) == 2


def test_a_key_that_no_header_can_carry_is_not_printed() -> None:
    for key in ("ak_live_first\nak_live_second", "ak_live_second\u043a", " "):
        for kind in (Client, AsyncClient):
            with pytest.raises(ValueError, match="one line of ASCII") as refused:
                kind("http://127.0.0.1:9", key)
            assert "second" not in str(refused.value)
    gateway = FlakyGateway(FUNDED)
    with gateway, Client(gateway.url, "ak_live_of_a_file\n") as client:
        fund(client)


def test_an_error_prints_how_to_repair_it() -> None:
    with pytest.raises(BadRequest) as wrong:
        called(FlakyGateway(WRONG), fund)
    with pytest.raises(ConnectionFailed) as silent:
        called(
            FlakyGateway(SILENT),
            lambda client: client.sandbox.fund(amount_cents=1, idempotency_key="mine"),
        )

    assert str(wrong.value).splitlines() == [
        "2003 Refused: Something is wrong.",
        "  platform: It must be one of claude, gemini. Did you mean 'claude'?",
        "  next: fix_request",
        "  platforms: GET https://topup.example/api/public/v1/platforms",
        "  docs: https://topup.example/docs/codes/2003",
        "  request: req_1",
    ]
    assert wrong.value.facts == {"max_now_cents": 5}
    assert str(silent.value).endswith("\n  next: repeat the call with idempotency_key='mine'")


def test_an_answer_of_a_newer_gateway_is_read() -> None:
    funded = {**FUNDED.body["data"], "added_later": [1]}
    newer = Reply(body={**FUNDED.body, "status": "a_new_word", "data": funded})

    def call(client: Client) -> None:
        answer = client.sandbox.fund(amount_cents=100)
        assert (answer.status, answer.data.model_extra) == ("a_new_word", {"added_later": [1]})

    called(FlakyGateway(newer), call)


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_what_is_no_id_is_never_sent(wrong: str) -> None:
    gateway = FlakyGateway(FUNDED)

    with pytest.raises(ValueError, match="is no ID"):
        called(gateway, lambda client: client.keys.delete(wrong))

    assert gateway.keys == []
