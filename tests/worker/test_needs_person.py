"""A supplier that can be looked at, and whose answer fits both: it was done, and it was not."""

import pytest

from billing.fulfilment.protocol import Unknown
from kernel.clock import FixedClock
from store.database import Database
from tests.support.scripted_suppliers import Shop, Told

pytestmark = pytest.mark.one_database


async def test_a_look_that_fits_both_leaves_the_top_up_to_a_person(
    database: Database, clock: FixedClock
) -> None:
    told = Told([Unknown("timeout")], [Unknown("limit 500 or 700", needs_review=True)])
    shop = await Shop.open(database, clock, {"vendor": told}, asked_again="look")
    topup_id = await shop.send()

    await shop.worker.step()
    await shop.again()
    clock.advance_s(86_400)
    await shop.worker.step()

    assert (told.looked, len(told.asked)) == (1, 1)
    assert (await shop.now(topup_id)).needs_review
    assert [one.detail for one in await shop.attempts(topup_id)] == ["limit 500 or 700"]
    await shop.close()
