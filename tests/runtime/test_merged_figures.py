"""The metrics of several processes as one text."""

from prometheus_client.parser import text_string_to_metric_families

from runtime.processes.siblings import merged_figures

ONE = """# HELP topup_sends_total Sends.
# TYPE topup_sends_total counter
topup_sends_total{code="1001",environment="live"} 3.0
# HELP topup_redis_up Redis.
# TYPE topup_redis_up gauge
topup_redis_up 1.0
"""
OTHER = """# HELP topup_sends_total Sends.
# TYPE topup_sends_total counter
topup_sends_total{code="a {b} c",environment="live"} 4.0
# HELP topup_only_here Here.
# TYPE topup_only_here gauge
topup_only_here 1.5e+09
"""


def test_each_sample_says_whose_it_is_and_a_silent_process_is_seen() -> None:
    text = merged_figures({"gateway-1": ONE, "gateway-2": OTHER, "gateway-3": None})

    assert text == (
        "# HELP topup_sends_total Sends.\n"
        "# TYPE topup_sends_total counter\n"
        'topup_sends_total{process="gateway-1",code="1001",environment="live"} 3.0\n'
        'topup_sends_total{process="gateway-2",code="a {b} c",environment="live"} 4.0\n'
        "# HELP topup_redis_up Redis.\n"
        "# TYPE topup_redis_up gauge\n"
        'topup_redis_up{process="gateway-1"} 1.0\n'
        "# HELP topup_only_here Here.\n"
        "# TYPE topup_only_here gauge\n"
        'topup_only_here{process="gateway-2"} 1.5e+09\n'
        "# HELP topup_process_up 1 if the named process on the port responded to the scrape, otherwise 0.\n"
        "# TYPE topup_process_up gauge\n"
        'topup_process_up{process="gateway-1"} 1\n'
        'topup_process_up{process="gateway-2"} 1\n'
        'topup_process_up{process="gateway-3"} 0\n'
    )
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert [sample.value for sample in families["topup_sends"].samples] == [3.0, 4.0]
