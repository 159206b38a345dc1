"""The providers of an open context, over the guarded client, against a vendor on loopback."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from billing.ledger.price import Price
from billing.providers.protocol import (
    CheckoutRequest,
    NotificationRefused,
    ProviderUnavailable,
    SandboxEvent,
)
from kernel.clock import FixedClock
from runtime.context import open_context
from runtime.settings import Settings, load_settings

SECRET_KEY = "5f" * 32
SESSION = {
    "id": "cs_test_a1",
    "object": "checkout.session",
    "url": "https://checkout.stripe.com/c/pay/cs_test_a1",
    "status": "open",
    "payment_status": "unpaid",
    "client_reference_id": "ord_1OeHk2Gq0Zb4yT7a",
}
WISH = CheckoutRequest(
    order_id="ord_1OeHk2Gq0Zb4yT7a",
    kind="payment",
    price=Price(2000, "USD"),
    title="Credit",
    success_url="https://shop.example/thanks",
    cancel_url="https://shop.example/cart",
    notify_url="https://topup.example/payment/webhook/stripe",
)


class Vendor(BaseHTTPRequestHandler):
    """Stripe, as far as one session goes; its answer is the server's to choose."""

    protocol_version = "HTTP/1.1"
    answer = b""
    seen: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Idempotency-Key"], body))
        self._reply()

    def do_GET(self) -> None:
        self.seen.append((self.path, None, b""))
        self._reply()

    def _reply(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[tuple[str, type[Vendor]]]:
    class Handler(Vendor):
        answer = json.dumps(SESSION).encode()

    Handler.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    server.shutdown()
    server.server_close()
    thread.join()


def settings_for(url: str, data_dir: Path, **more: str) -> Settings:
    return load_settings(database_url=url, data_dir=data_dir, secret_key=SECRET_KEY, **more)


async def test_stripes_library_speaks_through_the_guarded_client(
    database_url: str, tmp_path: Path, clock: FixedClock, vendor: tuple[str, type[Vendor]]
) -> None:
    address, handler = vendor
    settings = settings_for(
        database_url,
        tmp_path,
        stripe_secret_key="sk_live_1",
        stripe_webhook_secret="whsec_1",
        stripe_api_base=address,
    )

    async with open_context(settings, clock=clock) as context:
        assert context.payments.providers.offered("live") == ["stripe"]
        one = context.payments.providers.of("stripe", "live")
        assert one is not None
        opened = await one.open(WISH)
        facts = await one.inquire(WISH.order_id, opened.ref)
        # More than an answer may have.
        handler.answer = b'{"id": "cs_test_a1", "url": "' + b"x" * (1024 * 1024) + b'"}'
        with pytest.raises(ProviderUnavailable):
            await one.open(WISH)
        counted = context.metrics.render().decode().splitlines()

    assert 'topup_provider_seconds_count{outcome="2xx",provider="stripe"} 2.0' in counted
    # Tried three times, since nothing is known of it.
    assert 'topup_provider_seconds_count{outcome="no_answer",provider="stripe"} 3.0' in counted
    assert opened.url == SESSION["url"]
    assert len(facts) == 1
    (path, key, body), (asked, _, _), *_ = handler.seen
    assert (path, key) == ("/v1/checkout/sessions", f"topup/{WISH.order_id}/session")
    assert b"client_reference_id=ord_1OeHk2Gq0Zb4yT7a" in body
    assert asked == "/v1/checkout/sessions/cs_test_a1"


async def test_a_stand_ins_secret_is_this_installations_and_survives_a_restart(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    sandbox_event = SandboxEvent(
        "paid", "payment", "ord_1", "sbx_1", "pay_1", Price(100, "USD"), "evt_1"
    )
    told = []
    for _ in range(2):
        async with open_context(settings_for(database_url, tmp_path), clock=clock) as context:
            one = context.payments.providers.of("stripe", "staging")
            assert one is not None
            told.append(one.simulate(sandbox_event))
            creem = context.payments.providers.of("creem", "staging")
            assert creem is not None
            with pytest.raises(NotificationRefused):
                creem.read(told[0])

    assert told[0] == told[1]
