"""Each form of the dashboard has the fields, and each press of it does, what was recorded."""

import os
import shutil
from pathlib import Path

import pytest

from gateway.dashboard.surface import PAGES
from gateway.http.routing import Router
from kernel.clock import FixedClock
from tests.doors.form_recorder import FOLDER, FormRecorder
from tests.doors.givens import GIVENS
from tests.doors.scene import Kept, calls_of, scenes
from tests.support.browser import signed_in
from tests.support.gateway import running, settings_of
from tests.support.operator_pages import account_of, operator

IS_RECORDING = bool(os.environ.get("TOPUP_RECORD"))
SCENES = scenes("forms")
# They have tests of their own, and no other door does what they do; the list may only shrink.
NOT_RECORDED = {
    "/claim/{claim_token}",
    "/dashboard/account/address",
    "/dashboard/account/two-factor",
    "/dashboard/account/two-factor/codes",
    "/dashboard/account/two-factor/off",
    "/dashboard/account/two-factor/on",
    "/dashboard/account/two-factor/passkeys",
    "/dashboard/account/two-factor/passkeys/add",
    "/dashboard/account/two-factor/passkeys/remove",
    "/dashboard/account/two-factor/passkeys/rename",
    "/dashboard/admin/prices/import",
    "/dashboard/cli",
    "/dashboard/environment",
    "/dashboard/invitation/{invitation_token}",
    "/dashboard/sign-out",
    "/dashboard/team/switch",
    "/dashboard/verify-address/{address_token}",
    "/dashboard/webhooks/{endpoint_id}/certify",
    "/decide/{decide_token}",
    "/demonstration/key",
    "/forgot-password",
    "/invitation/{invitation_token}",
    "/language",
    "/new-password/{password_token}",
    "/next/v1/oauth",
    "/no-mail/{mail_token}",
    "/oauth/authorize",
    "/orders/status/{status_token}",
    "/sandbox/card/{card_token}",
    "/sandbox/checkout/{checkout_token}",
    "/sandbox/portal/{portal_token}",
    "/sign-in",
    "/sign-in-link/{sign_in_token}",
    "/sign-in/code",
    "/sign-up",
    "/theme",
    "/webhook-portal/{link_token}/{endpoint_id}",
    "/webhook-portal/{link_token}/{endpoint_id}/deliveries/{delivery_id}/replay",
    "/webhook-portal/{link_token}/{endpoint_id}/replay",
    "/webhook-portal/{link_token}/{endpoint_id}/test",
}


@pytest.mark.parametrize("name", SCENES)
async def test_each_form_does_what_was_recorded(
    name: str, sqlite_template: Path, tmp_path: Path, clock: FixedClock
) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    async with running(settings_of(f"sqlite:///{database}", tmp_path), clock) as gateway:
        people = {
            "boss": await operator(gateway, "ops@example.com"),
            "ann": await signed_in(gateway),
            "bo": await signed_in(gateway, "bo@example.com"),
        }
        account_id = await account_of(people["ann"])
        key = await gateway.key(account_id)
        kept = Kept({"account": {"id": account_id}, "key": key, "url": gateway.url})
        to = FormRecorder(gateway, clock, database, people, GIVENS, kept)
        for call in calls_of(SCENES[name]):
            await to.play(call)

    file = FOLDER / f"{name}.txt"
    if IS_RECORDING:
        file.write_text(to.text(), encoding="utf-8")
    assert to.text() == file.read_text(encoding="utf-8")


def test_each_form_is_recorded() -> None:
    recorded = {
        line.removeprefix("=== POST ")
        for file in FOLDER.glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("=== POST ")
    }
    listed = {one.template for one in Router(PAGES) if "POST" in one.routes}

    assert listed - recorded == NOT_RECORDED
    assert recorded - listed == set()
