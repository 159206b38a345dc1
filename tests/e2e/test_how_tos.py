"""Operators' how-tos, followed to the letter: the pages' own lines are run on an installation."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kernel.clock import DAY_US, HOUR_US, FixedClock, SystemClock, rfc3339
from tests.e2e.conftest import WorkingSet
from tests.support.gateway import running as running_gateway, settings_of
from tests.support.installation import MASTER_KEY, Installation
from tests.support.page_shell import Filled, PageShell

pytestmark = [
    pytest.mark.one_database,
    pytest.mark.sampled(2, of="how-tos"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]
NOW_US = SystemClock().now_us()
TODAY, YESTERDAY = rfc3339(NOW_US)[:10], rfc3339(NOW_US - DAY_US)[:10]
SHOP = "shop@example.com"
SEND = {
    "platform": "claude",
    "amount_cents": 100,
    "recipient_email": "user@example.com",
    "delivery": {"email": True},
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation(working_set: WorkingSet) -> Installation:
    """A gateway and a worker; a shop whose live key sent $1.00 yesterday."""
    made = working_set.make("sqlite", operator_api="127.0.0.0/8")
    clock = FixedClock(NOW_US - DAY_US)
    settings = settings_of(made.database_url, made.data_dir, secret_key=MASTER_KEY)
    async with running_gateway(settings, clock=clock) as gateway:
        account_id = await gateway.account(email=SHOP)
        await made.fund(account_id, "live", 10_000)
        key = await gateway.key(account_id, "live")
        sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    made.env |= {"KEY": key, "SENT": sent.json()["transaction_id"]}
    made.start()
    return made


@pytest.fixture
def shell(installation: Installation, tmp_path: Path) -> Iterator[PageShell]:
    with PageShell(installation, tmp_path, URL=installation.url) as opened:
        yield opened


def test_access(shell: PageShell) -> None:
    shell.run("topup accounts create --name Other --email other@example.com")

    # Nobody is there to confirm.
    filled: Filled = {
        "close-live": "close-live --yes",
        "accounts suspend": "accounts suspend --yes",
        "ACCOUNT": "other@example.com",
    }
    shell.follow("access", filled)


def test_fees(working_set: WorkingSet, tmp_path: Path) -> None:
    with PageShell(working_set.make("sqlite"), tmp_path) as shell:
        shell.run(f"topup accounts create --name Shop --email {SHOP}")

        shell.follow("fees")


def test_stuck_refunds_and_recharges(shell: PageShell) -> None:
    # It has no recharge, no refund that is open and no payment that is stuck.
    nothing = {"refunds decide RFD": -1, "payments ask": -1, "payments decide": -1}

    shell.follow("stuck", {"ACCOUNT": SHOP}, {"accounts recharge": 1, **nothing})


def test_mail(shell: PageShell) -> None:
    filled: Filled = {
        "--status bounced": "--status outbox",
        "mal_…": re.compile(r"mal_\w+"),
        "mail erase": "mail erase --yes",
        "ACCOUNT": SHOP,
    }
    shell.follow("mail", filled)


def test_the_operators_api(shell: PageShell, installation: Installation) -> None:
    for who in ("us", "shop"):
        shell.run(f"topup accounts create --name {who} --email {who}@acme.example")
    shell.run("topup accounts set us@acme.example --operator")
    made = shell.run("topup tokens create --account us@acme.example --kind operator --name all")
    token = re.findall(r"adm_\w+", made)[-1]
    filled: Filled = {
        "https://topup.example": installation.url,
        "$TOPUP_API_KEY": token,
        "topup packs": f"TOPUP_URL={installation.url} TOPUP_API_KEY={token} topup packs",
        "tokens revoke": "tokens revoke --yes",
        "TOKEN_ID": re.compile(r"(?m)^id +(\S+)"),
    }

    printed = shell.follow("operator-api", filled, {"--no-operator": -1})

    assert re.search(r'"success": ?true', printed)


@pytest.mark.skipif(NOW_US % DAY_US < HOUR_US, reason="yesterday is sealed from 01:00 UTC on")
def test_receipts(shell: PageShell) -> None:
    # The worker seals yesterday, too, but perhaps not yet.
    shell.run("topup checkpoints seal")
    shell.follow("receipts", {"txn_…": "$SENT", "2026-11-22": YESTERDAY})


def test_the_first_real_topup(shell: PageShell, installation: Installation, tmp_path: Path) -> None:
    codes = "".join(f"claude,1000,GIFT-{number}\n" for number in range(12))
    (tmp_path / "codes.csv").write_text(f"platform,amount_cents,code\n{codes}")
    filled: Filled = {
        "https://pay.example.com": installation.url,
        "ak_live_…": re.compile(r"ak_live_\w+"),
        "TOPUP-…": re.compile(r"TOPUP-[\w-]+"),
        "txn_4Kp1": re.compile(r"txn_\w+"),
    }
    # What needs a top-up in another state; tests/doors plays each. The supplier `wallet` is there already.
    others = ("take", "settle", "not-done", "switch", "fail", "reverse")
    apart = {"NAME=@FILE": -1, "--id wallet": 1, **{f"manual-review {one}": -1 for one in others}}

    shell.follow("suppliers", filled, apart)


def test_backup_and_restore(working_set: WorkingSet, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    filled: Filled = {
        "/var/backups/topup": "copies",
        "rclone copy": "cp -r",
        "remote:topup": "elsewhere",
        "monday.copy": f"{TODAY}.copy",
        "/tmp/try.db": f"{tmp_path}/try.db",
        "topup doctor": "topup doctor || test $? = 1",
    }
    with PageShell(working_set.make("sqlite"), tmp_path) as shell:
        shell.follow("backup", filled)
