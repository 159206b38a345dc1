"""No webhook makes the gateway call itself, whatever it listens on and whatever it is called."""

import asyncio
import socket

import pytest

from kernel.clock import FixedClock
from runtime.context import own_place
from runtime.settings import Settings
from tests.support.name_server import NameServer, loopback_resolver
from tests.support.scripted_receiver import NOON, OK, ScriptedReceiver, Start, always
from webhooks.http.guard import Policy, UrlRefused
from webhooks.http.names import is_local
from webhooks.http.transport import Transport

# What an operator opens for receivers of their own network must not open the gateway.
OPEN = Policy.of(allow_http=True, allow_cidrs=["0.0.0.0/0", "::/0"])


def transport_of(names: NameServer, **settings: object) -> Transport:
    resolver = loopback_resolver(names)
    own = own_place(Settings(_env_file=None, **settings), resolver)  # type: ignore[arg-type, call-arg]
    return Transport(OPEN, resolver, FixedClock(NOON), own=own, answer_age_s_max=0.0)


def own_address() -> str:
    """An address of this machine that is not loopback, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])


@pytest.fixture
def gateway_port() -> int:
    return 8123


async def attempt(transport: Transport, url: str) -> tuple[str | None, str | None]:
    outcome = await transport.post(url, [], b"{}", 5)
    await transport.close()
    return outcome.error, outcome.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]"])
async def test_a_gateway_on_all_interfaces_is_reached_by_none_of_them(
    names: NameServer, gateway_port: int, host: str
) -> None:
    transport = transport_of(names, host="0.0.0.0", port=gateway_port)

    error, reason = await attempt(transport, f"http://{host}:{gateway_port}/")

    assert error == "address"
    assert reason is not None
    assert "this machine" in reason


async def test_the_machines_outer_address_is_the_gateway_too(
    names: NameServer, gateway_port: int
) -> None:
    names.zone = {"alias.example": [own_address()]}
    transport = transport_of(names, host="0.0.0.0", port=gateway_port)

    error, _ = await attempt(transport, f"http://alias.example:{gateway_port}/")

    assert error == "address"


async def test_a_workers_own_address_is_no_receiver_either(
    names: NameServer, gateway_port: int
) -> None:
    transport = transport_of(names, port=gateway_port, worker_port=gateway_port + 1)

    error, reason = await attempt(transport, f"http://127.0.0.1:{gateway_port + 1}/metrics")

    assert error == "address"
    assert reason is not None
    assert "the worker's port" in reason


async def test_another_port_of_this_machine_is_a_receiver_like_any(
    names: NameServer, start: Start, gateway_port: int
) -> None:
    receiver: ScriptedReceiver = await start(always(OK))
    transport = transport_of(names, host="0.0.0.0", port=gateway_port)

    assert await attempt(transport, f"http://127.0.0.1:{receiver.port}/") == (None, None)


@pytest.mark.parametrize(
    "url", ["http://pay.example:8080/", "http://alias.example:8080/", "http://PAY.example.:8080/x"]
)
async def test_public_urls_name_and_the_addresses_behind_it_are_refused(
    names: NameServer, url: str
) -> None:
    names.zone = {"pay.example": ["192.0.2.7", "192.0.2.8"], "alias.example": ["192.0.2.8"]}
    transport = transport_of(names, public_url="http://pay.example:8080")

    with pytest.raises(UrlRefused) as refused:
        await transport.check(url)
    error, reason = await attempt(transport, url)

    assert refused.value.detail == "The host does not resolve to a public address."
    assert (error, "PUBLIC_URL" in (reason or "")) == ("address", True)


async def test_a_name_that_moves_to_public_url_is_refused_at_the_next_attempt(
    names: NameServer, start: Start
) -> None:
    receiver = await start(always(OK))
    names.zone = {"pay.example": ["127.0.0.3"], "moving.example": ["127.0.0.1"]}
    transport = transport_of(names, public_url=f"http://pay.example:{receiver.port}")
    url = f"http://moving.example:{receiver.port}/"
    first = await transport.post(url, [], b"{}", 5)

    names.zone["moving.example"] = ["127.0.0.3"]

    assert (first.status, await attempt(transport, url)) == (
        200,
        ("address", "moving.example is where PUBLIC_URL leads"),
    )


async def test_a_public_url_that_cannot_be_resolved_is_known_by_its_name_alone(
    names: NameServer, start: Start
) -> None:
    receiver = await start(always(OK))
    transport = transport_of(names, public_url=f"http://gone.example:{receiver.port}")

    with pytest.raises(UrlRefused):
        await transport.check(f"http://gone.example:{receiver.port}/")
    await asyncio.sleep(0)

    assert await attempt(transport, f"http://127.0.0.1:{receiver.port}/") == (None, None)


def test_this_machines_addresses_are_known_without_a_list_of_them() -> None:
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert is_local(own_address())
    assert not is_local("192.0.2.1")
    assert not is_local("2606:4700::1111")
