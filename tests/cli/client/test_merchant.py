"""The merchant's commands over HTTP: top-ups, keys, webhooks, events, deliveries and triggers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import Result

from cli.client.trigger import CAUSES, NEEDS_APPROVER, NOT_CAUSED
from tests.cli.client.conftest import Ran
from tests.support.gateway import Gateway
from webhooks.events.event import EVENT_TYPES

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Of the causes: a worker ends a batch, and no worker runs here.
NEEDS_A_WORKER = {"batch.completed"}


class Merchant:
    """`topup …` with the key of one account."""

    def __init__(self, run: Ran, url: str, key: str) -> None:
        self._run = run
        self.variables = {"TOPUP_URL": url, "TOPUP_API_KEY": key}

    async def ran(self, *words: str, **more: str) -> Result:
        return await self._run(*words, **self.variables, **more)

    async def said(self, *words: str) -> Any:
        result = await self.ran(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)


@pytest_asyncio.fixture(loop_scope="module")
async def merchant(shared_gateway: Gateway, ran: Ran) -> AsyncIterator[Merchant]:
    account = await shared_gateway.account(email=None)
    yield Merchant(ran, shared_gateway.url, await shared_gateway.key(account))


async def test_top_ups_are_listed_shown_cancelled_and_reversed(merchant: Merchant) -> None:
    waiting = await merchant.said("send", "claude", "2", "pending@sandbox.test")
    sent = await merchant.said("send", "claude", "3", "ann@acme.example", "--reference", "r-1")
    ids = [waiting["transaction_id"], sent["transaction_id"]]

    listed = await merchant.said("topups", "list")
    only = await merchant.said("topups", "list", "--status", "pending")
    cancelled = await merchant.said("topups", "cancel", ids[0], "--yes")
    shown = await merchant.ran("topups", "show", ids[1])
    reversed_ = await merchant.ran("topups", "reverse", ids[1], "--reason", "a mistake", "--yes")
    again = await merchant.ran("topups", "cancel", ids[0], "--yes")

    assert [one["transaction_id"] for one in listed["items"]] == ids[::-1]
    assert [one["transaction_id"] for one in only["items"]] == ids[:1]
    assert cancelled["status"] == "cancelled"
    assert "3.00 USD" in shown.stdout
    assert "topup.delivered" in shown.stdout
    assert "reversed" in reversed_.stdout, reversed_.stderr
    assert again.exit_code == 1
    assert "(code " in again.stderr


async def test_a_key_is_made_below_ones_own_and_looked_after(merchant: Merchant) -> None:
    made = await merchant.said(
        "keys", "create", "--name", "agent", "--scope", "topup:send", "--window", "3600:500",
        "--expires-at", "2031-01-01T00:00:00Z",
    )  # fmt: skip
    key_id = made["id"]
    changed = await merchant.said(
        "keys", "set", key_id, "--per-day-cents", "700", "--no", "windows"
    )
    tree = await merchant.ran("keys", "tree", key_id)
    paused = await merchant.said("keys", "pause", key_id)
    own_lineage = await merchant.ran("keys", "resume", key_id)
    rotated = await merchant.said("keys", "rotate", key_id)
    listed = await merchant.ran("keys", "list")
    revoked = await merchant.said("keys", "revoke", key_id, "--yes")
    shown = await merchant.said("keys", "show", key_id)

    assert made["key"].startswith("ak_staging_")
    assert made["windows"] == [{"seconds": 3600, "cents": 500}]
    assert made["expires_at"] == "2031-01-01T00:00:00Z"
    assert (changed["caps"]["per_day_cents"], changed["windows"]) == (700, [])
    assert "700" in tree.stdout
    assert paused["paused_at"] is not None
    assert own_lineage.exit_code == 1
    assert rotated["key"] != made["key"]
    assert key_id in listed.stdout
    assert made["key"] not in listed.output
    assert revoked["revoked_at"] == shown["revoked_at"] is not None


async def test_a_webhook_is_added_changed_and_removed(merchant: Merchant, tmp_path: Path) -> None:
    # Nobody listens there: the sample is not taken.
    headers = tmp_path / "headers.json"
    headers.write_text('{"X-Shop": "acme",\n "X-Token": "a secret: of theirs"}\n')
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"X-Shop": "hunter2"\n')
    added = await merchant.said(
        "webhooks", "add", "--url", "http://127.0.0.1:10443/hook", "--event", "topup.failed",
        "--headers", str(headers), "--retry-schedule", "0,60,600",
    )  # fmt: skip
    refused = await merchant.ran("webhooks", "update", added["id"], "--headers", str(wrong))
    unread = await merchant.ran("webhooks", "update", added["id"], "--retry-schedule", "1m")
    changed = await merchant.said(
        "webhooks", "update", added["id"], "--no", "headers", "--retry-schedule", "0,5"
    )
    own = added["id"]
    listed = await merchant.ran("webhooks", "list")
    off = await merchant.said("webhooks", "update", own, "--status", "disabled", "--no", "events")
    shown = await merchant.said("webhooks", "show", own)
    rotated = await merchant.said("webhooks", "rotate-secret", own)
    nothing = await merchant.ran("webhooks", "update", own)
    tested = await merchant.ran("webhooks", "test", own)
    certified = await merchant.said("webhooks", "certify", own)
    removed = await merchant.said("webhooks", "remove", own, "--yes")
    gone = await merchant.ran("webhooks", "show", own)

    assert set(added["headers"]) == {"X-Shop", "X-Token"}
    assert added["retry_schedule_s"] == [0, 60, 600]
    assert (
        refused.exit_code,
        "--headers must be a JSON object" in refused.stderr,
        "hunter2" in refused.output,
    ) == (
        2,
        True,
        False,
    )
    assert (unread.exit_code, "retry_schedule_s" in unread.stderr) == (1, True)
    assert (changed["headers"], changed["retry_schedule_s"]) == ({}, [0, 5])
    assert added["secret"].startswith("whsec_")
    assert own in listed.stdout
    assert (off["status"], off["events"]) == ("disabled", [])
    assert "secret" not in shown
    assert rotated["secret"] != added["secret"]
    assert nothing.exit_code == 2
    assert tested.exit_code == 1
    assert "5001" in tested.stderr
    assert (certified["certified"], certified["checks"][0]["verdict"]) == (False, "failed")
    assert removed == {"id": own, "deleted": True}
    assert gone.exit_code == 1


async def test_each_event_is_caused_or_said_why_not() -> None:
    assert set(CAUSES) | set(NOT_CAUSED) == set(EVENT_TYPES)
    assert not set(CAUSES) & set(NOT_CAUSED)


async def test_what_no_key_causes_is_said_with_what_does(merchant: Merchant) -> None:
    for event, word in (("subscription.renewed", "plan"), ("dispute.opened", "bank")):
        refused = await merchant.ran("trigger", event)
        assert (refused.exit_code, word in refused.stderr) == (2, True)
    lonely = await merchant.ran("trigger", "approval.approved")
    assert (lonely.exit_code, "--approver" in lonely.stderr) == (2, True)


async def test_an_approver_of_another_lineage_decides(shared_gateway: Gateway, ran: Ran) -> None:
    account = await shared_gateway.account(email=None)
    merchant = Merchant(ran, shared_gateway.url, await shared_gateway.key(account))
    scopes = ["approvals:write", "keys:write"]
    approver = await shared_gateway.key(account, scopes=scopes)
    logged_in = await merchant.ran(
        "login", "--with-key", "--url", shared_gateway.url, "--profile", "owner", typed=approver
    )
    assert logged_in.exit_code == 0, logged_in.stderr
    for event in sorted(NEEDS_APPROVER):
        caused = await merchant.said("trigger", event, "--approver", "owner")
        found = await merchant.said("events", "show", caused["event_id"])
        assert found["type"] == event
        assert caused["subject_id"] in json.dumps(found["data"])


@pytest.mark.parametrize("event", sorted(set(CAUSES) - NEEDS_A_WORKER - NEEDS_APPROVER))
async def test_a_trigger_causes_its_event_for_real(merchant: Merchant, event: str) -> None:
    caused = await merchant.said("trigger", event)
    found = await merchant.said("events", "show", caused["event_id"])

    assert found["type"] == event
    assert caused["subject_id"] in json.dumps(found["data"])


async def test_events_are_listed_and_followed_from_a_cursor(merchant: Merchant) -> None:
    for event in ("topup.failed", "topup.delivered", "topup.failed"):
        await merchant.said("trigger", event)
    tail = ("events", "tail", "--after", "0")

    listed = await merchant.said("events", "list", "--type", "topup.failed")
    table = await merchant.ran("events", "list")
    first = await merchant.ran(*tail, "--count", "2")
    cursor = first.stderr.split()[-1]
    rest = await merchant.ran("events", "tail", "--after", cursor, "--count", "1", "--json")
    refused = await merchant.ran("events", "tail", "--after", "nonsense", "--count", "1")

    assert len(listed["items"]) == 2
    assert [line.split()[1] for line in first.stdout.splitlines()] == [
        "topup.failed",
        "topup.delivered",
    ]
    assert json.loads(rest.stdout)["type"] == "topup.failed"
    assert json.loads(rest.stdout)["id"] in table.stdout
    assert refused.exit_code == 1
    assert "refuses" in refused.stderr


async def test_deliveries_are_listed_shown_sent_again_and_cancelled(merchant: Merchant) -> None:
    await merchant.said("webhooks", "add", "--url", "http://127.0.0.1:10443/hook")
    await merchant.said("trigger", "topup.failed")
    (delivery,) = (await merchant.said("deliveries", "list"))["items"]
    shown = await merchant.said("deliveries", "show", delivery["id"])
    again = await merchant.said("deliveries", "replay", delivery["id"])
    ended = await merchant.said("deliveries", "cancel", delivery["id"])

    assert shown["event_type"] == "topup.failed"
    assert shown["attempts"] == []
    assert (again["replay_of"], again["status"]) == (delivery["id"], "pending")
    # No worker runs here, so it still waits.
    assert (ended["id"], ended["status"]) == (delivery["id"], "cancelled")


async def test_live_is_not_triggered(shared_gateway: Gateway, ran: Ran) -> None:
    live = await shared_gateway.key(await shared_gateway.account(), "live")
    result = await Merchant(ran, shared_gateway.url, live).ran("trigger", "topup.failed")

    assert result.exit_code == 2
    assert "only in staging" in result.stderr


async def test_pages_are_named_by_word_or_id_and_no_key_is_in_an_address(
    merchant: Merchant,
) -> None:
    url = merchant.variables["TOPUP_URL"]

    assert (await merchant.said("open", "keys"))["url"] == f"{url}/dashboard/keys"
    assert (await merchant.said("open"))["url"] == f"{url}/dashboard"
    assert (await merchant.ran("open", "txn_4Kp1")).stdout == f"{url}/dashboard/topups/txn_4Kp1\n"
    for nonsense in ("nowhere", "txn_../x", "../admin"):
        assert (await merchant.ran("open", nonsense)).exit_code == 2


async def test_an_option_or_who_is_logged_in_says_which_way_a_command_works(
    merchant: Merchant, ran: Ran
) -> None:
    over_http = await merchant.ran("keys", "list")
    database = [
        await merchant.ran("keys", "list", *words, TOPUP_DATABASE_URL="sqlite:////nonexistent/a.db")
        for words in (["--local"], ["--account", "acc_1"])
    ]
    mixed = await merchant.ran("keys", "list", "--profile", "default", "--account", "acc_1")
    nobody = await ran("keys", "list", TOPUP_DATABASE_URL="sqlite:////nonexistent/a.db")
    merchants_option = await ran("topups", "list", "--status", "failed")

    assert over_http.exit_code == 0
    assert all("no database at" in one.stderr for one in database)
    assert "Nobody is logged in" not in database[0].stderr
    assert mixed.exit_code == 2
    assert "Give only one of them" in mixed.stderr
    assert "no database at" in nobody.stderr
    assert "topup login" in nobody.stderr
    assert "there is no profile" in merchants_option.stderr


LISTS = (
    ("topups", "list"),
    ("keys", "list"),
    ("webhooks", "list"),
    ("events", "list"),
    ("deliveries", "list"),
    ("approvals", "list"),
)


async def test_each_list_fits_eighty_columns_and_keeps_its_ids_whole(merchant: Merchant) -> None:
    long = "a-recipient-with-a-very-long-name-indeed@" + "sub." * 12 + "acme.example"
    for recipient in (long, "approval@sandbox.test"):
        await merchant.said("send", "claude", "1", recipient)
    await merchant.said("webhooks", "add", "--url", "http://127.0.0.1:10443/" + "hook/" * 40)
    await merchant.said("keys", "create", "--name", "n" * 100, "--scope", "topup:send")
    await merchant.said("trigger", "topup.failed")

    for words in LISTS:
        items = (await merchant.said(*words))["items"]
        table = (await merchant.ran(*words)).stdout
        assert items, words
        assert max(map(len, table.splitlines())) <= 80, table
        for one in items:
            assert one.get("id", one.get("transaction_id")) in table


@pytest.mark.parametrize(
    ("words", "look"),
    [
        (("holds", "place", "--description", "x", "--credits", "5"), "balance show"),
        (("holds", "release", "hld_1"), "holds show hld_1"),
        (("vouchers", "redeem", "--code", "ATU-1"), "balance show"),
        (("batches", "cancel", "bat_1", "--yes"), "batches show bat_1"),
        (("topups", "cancel", "txn_1", "--yes"), "topups show txn_1"),
        (("keys", "pause", "key_1"), "keys show key_1"),
    ],
)
async def test_a_lost_answer_names_a_command_that_exists(
    ran: Ran, words: tuple[str, ...], look: str
) -> None:
    nobody = {"TOPUP_URL": "http://127.0.0.1:1", "TOPUP_API_KEY": f"ak_staging_{'x' * 32}"}

    result = await ran(*words, **nobody)

    assert f"look with `topup {look}` before" in result.stderr, result.output


async def test_a_question_says_that_it_is_about_live(ran: Ran) -> None:
    sending = ("topups", "send", "--platform", "claude", "--amount-cents", "500")
    live, staging = [
        await ran(
            *(*sending, "--recipient-email", "ann@acme.example"),
            TOPUP_URL="http://127.0.0.1:1",
            TOPUP_API_KEY=f"ak_{environment}_{'x' * 32}",
        )
        for environment in ("live", "staging")
    ]

    asks = "Send 5.00 USD of claude to ann@acme.example?"
    assert f"{asks} This is live, at http://127.0.0.1:1. There is no" in live.stderr
    assert f"{asks} There is no" in staging.stderr
