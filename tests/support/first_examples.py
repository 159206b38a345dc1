"""A property that always holds, for what hypothesis does once before its first example."""

from hypothesis import HealthCheck, given, settings, strategies as st


@settings(max_examples=10, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(), st.text(max_size=3))
def run(_number: int, _text: str) -> None:
    """Ten examples of nothing."""
