"""The list of acts and doors is computed, and knows what is recorded."""

from tests.acts_matrix import acts


def test_an_act_has_all_its_doors() -> None:
    created = acts()["key.created"]

    assert created["commands"] == {"topup keys create"}
    assert created["routes"] == {"post_keys"}
    assert created["forms"] == {"POST /dashboard/keys"}
    assert acts()["post_topup_send"]["tools"] == {"send_topup"}
