"""Who asks for access to an account, in Arabic: apps, MCP clients and command lines, and each refusal."""

from urllib.parse import urlencode

import pytest

from gateway.html.language import ROOMS
from tests.gateway.dashboard.test_cli_login import begun
from tests.gateway.dashboard.test_consent import asked
from tests.support.browser import signed_in
from tests.support.gateway import Gateway
from tests.support.mcp_person import client_id_of, form_of, question
from tests.support.oauth_agreement import agree
from tests.support.other_language import Visit, arabic, not_arabic, opened_in

pytestmark = pytest.mark.one_database
APP, CODE, CLIENT, CLI = (
    "/next/v1/oauth",
    "/next/v1/oauth/succeed",
    "/oauth/authorize",
    "/dashboard/cli",
)


async def test_consent_to_an_app_is_whole_in_arabic(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway))
    month = await agree(gateway, email="bob@example.com")
    day = await agree(gateway, email="cat@example.com", cap_period="day", scope="advanced_access")

    assert (
        await not_arabic(
            ann,
            [
                *(Visit("consent.html", f"{APP}?{urlencode(asked(one))}") for one in (month, day)),
                Visit("consent_code.html", f"{CODE}?code={'a' * 16}"),
                Visit("consent_code.html", f"{CODE}?error=access_denied"),
                Visit("consent_code.html", CODE),
                Visit("error.html", f"{APP}?client_id=none"),
                Visit("error.html", APP, {**asked(month), "decision": ""}),
            ],
        )
        == []
    )
    shown = (await ann.get(f"{APP}?{urlencode(asked(month))}")).text
    assert "<strong>\u206610.00\xa0US$\u2069</strong> في كل شهر تقويمي" in shown


async def test_consent_to_a_client_is_whole_in_arabic_with_what_it_refuses(
    gateway: Gateway,
) -> None:
    ann = arabic(await signed_in(gateway))
    way = question(gateway, await client_id_of(gateway))
    place = "https://desk.example.com/back"
    fault = {"redirect_uri": place, "response_type": "no"}
    broken = question(gateway, await client_id_of(gateway, place), **fault)
    shown = form_of((await ann.get(way)).text)
    form = shown | {"decision": "allow", "scopes": "topup:send"}
    live = {"key_environment": "live", "password": "wrong"}
    mistakes = (
        {"decision": ""},
        {"scopes": ""},
        {"key_environment": ""},
        {"per_call": "a lot"},
        {"per_call": "9" * 15},
        {"platforms": "nosuch"},
        {"recipients": "@"},
        {"expires_on": "2020-01-01"},
        {"key_environment": "live"},
        live,
    )

    assert (
        await not_arabic(
            ann,
            [
                Visit("mcp_consent.html", way),
                *(Visit("mcp_consent.html", CLIENT, form | one) for one in mistakes),
                Visit("mcp_fault.html", broken),
            ],
        )
        == []
    )


async def test_logging_a_command_line_in_is_whole_in_arabic(gateway: Gateway) -> None:
    ann = arabic(await signed_in(gateway))
    first, second = await begun(gateway), await begun(gateway)
    good = {"target": "staging", "life_days": "90", "is_own": "1", "scopes": "topup:send"}
    mistakes = (
        {"decision": ""},
        {"decision": "allow", "is_own": ""},
        {"decision": "allow", "target": ""},
        {"decision": "allow", "target": "live"},
        {"decision": "allow", "scopes": ""},
        {"decision": "allow", "scopes": "admin"},
        {"decision": "allow", "life_days": "x"},
    )

    assert (
        await not_arabic(
            ann,
            [
                Visit("cli_login_code.html", CLI),
                Visit("cli_login_code.html", f"{CLI}?code=short"),
                Visit("cli_login_code.html", f"{CLI}?code=BCDFGHJK"),
                Visit("cli_login.html", f"{CLI}?code={first['user_code']}"),
                *(
                    Visit("cli_login.html", CLI, good | {"code": first["user_code"]} | one)
                    for one in mistakes
                ),
                *(
                    Visit(
                        "cli_login_done.html",
                        CLI,
                        good | {"code": one["user_code"], "decision": decision},
                    )
                    for one, decision in ((first, "allow"), (second, "deny"))
                ),
            ],
        )
        == []
    )


def test_each_page_of_the_room_is_opened() -> None:
    assert opened_in(__file__) == ROOMS["consent"]
