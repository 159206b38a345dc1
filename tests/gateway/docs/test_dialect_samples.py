"""The dialects' page: each of its calls to the API answers as it is printed."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from tests.support.billing_api_calls import customer
from tests.support.gateway import Gateway

TEXT = Path(__file__).parents[3] / "gateway/docs/text/dialects.md"
# What is to be had first: a code to redeem, an authorization of a person.
NEED_MORE = {"/api/user/topup": 404, "/api/v1/user/oauth/issue-token": 401}
pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]


def samples() -> list[list[str]]:
    """Each curl line as the shell would read it."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines]


async def test_the_samples_of_the_dialects_run_as_printed(gateway: Gateway) -> None:
    me = await customer(gateway)
    answered: dict[str, int] = {}

    for printed in samples():
        words = [word.replace("$GATEWAY", "").replace("$TOKEN", me.key) for word in printed]
        given = dict(itertools.pairwise(words))
        path = next(word for word in words if word.startswith("/"))
        headers = [after for before, after in itertools.pairwise(words) if before == "-H"]
        fields = [after for before, after in itertools.pairwise(words) if "urlencode" in before]
        answer = await gateway.client.request(
            given.get("-X", "GET"),
            path,
            content=given.get("-d"),
            data=dict(field.split("=", 1) for field in fields) or None,
            headers=dict(header.split(": ", 1) for header in headers),
        )
        answered[path.partition("?")[0]] = answer.status_code

    assert len(answered) == 8
    assert answered == {path: NEED_MORE.get(path, 200) for path in answered}
