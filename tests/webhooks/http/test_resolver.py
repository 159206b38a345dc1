import asyncio
import socket
from collections.abc import Sequence

import pytest

from tests.support.name_server import NameServer, loopback_resolver
from webhooks.http.guard import Policy, UrlRefused, check_url
from webhooks.http.names import Resolver, SystemResolver, VettedNames

STRICT = Policy()
STAGING = Policy(allow_http=True)
DEVELOPMENT = Policy(allow_private=True)


async def reach(server: NameServer, url: str, policy: Policy = STRICT) -> None:
    await reach_by(loopback_resolver(server), url, policy)


async def reach_by(resolver: Resolver, url: str, policy: Policy = STRICT) -> None:
    await VettedNames(resolver).addresses(check_url(url, policy), policy)


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["8.8.8.8", "fd00::1"],
        ["fd00::1"],
        ["::ffff:808:808"],
        ["alias.example"],
        ["SERVFAIL"],
    ],
)
async def test_name_that_leads_inside_is_refused(names: NameServer, answer: list[str]) -> None:
    names.zone = {"hook.example": answer, "alias.example": ["10.0.0.1"]}

    with pytest.raises(UrlRefused) as refused:
        await reach(names, "https://hook.example/")

    assert refused.value.reason == "address"
    assert "no answer" not in refused.value.log_reason


async def test_wildcard_names_of_loopback_are_refused(names: NameServer) -> None:
    names.zone = {"127.0.0.1.nip.example": ["127.0.0.1"]}

    with pytest.raises(UrlRefused):
        await reach(names, "https://127.0.0.1.nip.example/")


async def test_public_name_is_reachable_also_through_an_alias(names: NameServer) -> None:
    names.zone = {"hook.example": ["alias.example"], "alias.example": ["8.8.8.8", "2606:4700::1"]}

    await reach(names, "https://hook.example/")

    assert names.asked == ["hook.example", "hook.example"]


async def test_name_that_does_not_exist_is_refused(names: NameServer) -> None:
    with pytest.raises(UrlRefused):
        await reach(names, "https://gone.example/")


async def test_silent_name_server_is_given_up(names: NameServer) -> None:
    names.zone = {"hook.example": ["DROP"]}
    vetted = VettedNames(loopback_resolver(names), lookup_timeout_s=0.05)

    with pytest.raises(UrlRefused) as refused:
        await vetted.addresses(check_url("https://hook.example/", STRICT), STRICT)

    assert "no answer" in refused.value.log_reason


class Spelling:
    """Remembers the very spelling that a resolver is asked for; an edge of ours, not a fake."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def lookup(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        await asyncio.sleep(0)
        return ["8.8.8.8"]

    def close(self) -> None:
        return None


async def test_strangers_names_are_asked_for_absolutely() -> None:
    resolver = Spelling()
    trusting = Policy.of(allow_hosts=["hooks"])

    await reach_by(resolver, "https://hook.example/")
    await reach_by(resolver, "https://hooks/", trusting)

    assert resolver.asked == ["hook.example.", "hooks"]


async def test_concurrent_callers_share_one_lookup_and_its_answer_for_a_moment() -> None:
    resolver = Spelling()
    vetted = VettedNames(resolver)
    url = check_url("https://hook.example/", STRICT)
    now_s = asyncio.get_running_loop().time()

    answers = await asyncio.gather(*(vetted.addresses(url, STRICT) for _ in range(50)))

    assert answers == [("8.8.8.8",)] * 50
    assert len(resolver.asked) == 1
    assert vetted.fresh(url, STRICT, now_s) == ("8.8.8.8",)
    assert vetted.fresh(url, STAGING, now_s) is None
    assert vetted.fresh(url, STRICT, now_s + 60) is None


async def test_caller_that_gives_up_does_not_take_the_answer_from_the_others() -> None:
    vetted = VettedNames(Spelling())
    url = check_url("https://hook.example/", STRICT)
    hasty = asyncio.create_task(vetted.addresses(url, STRICT))
    patient = asyncio.create_task(vetted.addresses(url, STRICT))
    await asyncio.sleep(0)

    hasty.cancel()

    assert await patient == ("8.8.8.8",)


async def test_remembered_answers_are_bounded() -> None:
    vetted = VettedNames(Spelling(), answers_max=2)
    urls = [check_url(f"https://{name}.example/", STRICT) for name in "abc"]
    now_s = asyncio.get_running_loop().time()

    for url in urls:
        await vetted.addresses(url, STRICT)

    remembered = [vetted.fresh(url, STRICT, now_s) is not None for url in urls]
    assert remembered == [False, False, True]


async def test_an_address_for_a_host_is_judged_once_for_each_policy() -> None:
    vetted = VettedNames(Spelling())
    url = check_url("http://10.0.0.9:3000/", DEVELOPMENT)

    assert await vetted.addresses(url, DEVELOPMENT) == ("10.0.0.9",)

    a_day_later_s = asyncio.get_running_loop().time() + 86_400
    assert vetted.fresh(url, DEVELOPMENT, a_day_later_s) == ("10.0.0.9",)
    assert vetted.fresh(url, STRICT, a_day_later_s) is None
    with pytest.raises(UrlRefused):
        await vetted.addresses(url, STRICT)


async def test_localhost_is_loopback_in_development_whatever_a_name_server_says() -> None:
    vetted = VettedNames(Spelling())

    url = check_url("http://localhost:3000/", DEVELOPMENT)

    assert await vetted.addresses(url, DEVELOPMENT) == ("127.0.0.1", "::1")


@pytest.mark.parametrize("spelling", ["0x7f.1", "2130706433", "017700000001", "127.1", "127.0.0.1"])
async def test_system_resolver_answers_with_addresses_to_judge(spelling: str) -> None:
    resolver = SystemResolver()

    try:
        assert await resolver.lookup(spelling) == ["127.0.0.1"]
    finally:
        resolver.close()


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".example", "bücher.example", ""])
async def test_system_resolver_fails_as_documented(name: str) -> None:
    resolver = SystemResolver()

    try:
        with pytest.raises((OSError, UnicodeError)):
            await resolver.lookup(name)
    finally:
        resolver.close()


async def test_gaierror_becomes_the_one_refusal() -> None:
    class Failing(Spelling):
        async def lookup(self, name: str) -> Sequence[str]:
            raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UrlRefused):
        await reach_by(Failing(), "https://hook.example/")
