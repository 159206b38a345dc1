import pytest

from kernel.trace import Span, line_of, request_id_of, span_of, trace_id_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def test_a_request_without_a_trace_is_its_id_alone_and_begins_none() -> None:
    line = line_of("r-1")

    assert line == "r-1"
    assert (request_id_of(line), trace_id_of(line)) == ("r-1", None)
    assert span_of(line) == Span("r-1")
    assert span_of(line).headers == [("X-Request-Id", "r-1")]


def test_each_outgoing_request_is_a_span_of_its_own_in_the_callers_trace() -> None:
    line = line_of("r-1", PARENT.encode(), b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")

    first, second = span_of(line), span_of(line)

    assert line == f"r-1 {PARENT} rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert (request_id_of(line), trace_id_of(line)) == ("r-1", TRACE_ID)
    assert first.span_id != second.span_id
    assert first.headers == [
        ("X-Request-Id", "r-1"),
        ("traceparent", f"00-{TRACE_ID}-{first.span_id}-01"),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    ]
    assert len(first.span_id or "") == 16


# Forms by https://www.w3.org/TR/trace-context-2/#traceparent-header-field-values.
@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        PARENT.upper(),
        f"ff-{TRACE_ID}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID[1:]}-00f067aa0ba902b7-01",
        f"{PARENT}-more",
        f"{PARENT} ",
        f" {PARENT}",
        f"{PARENT}\n",
        f"{PARENT}, {PARENT}",
        f"01-{TRACE_ID}-00f067aa0ba902b7-01x",
        PARENT.replace("4", "٤", 1),
    ],
)
def test_a_malformed_parent_counts_as_none_and_takes_the_state_with_it(parent: str) -> None:
    assert line_of("r-1", parent.encode(), b"rojo=1") == "r-1"


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (f"00-{TRACE_ID}-00f067aa0ba902b7-00", "00"),
        (f"00-{TRACE_ID}-00f067aa0ba902b7-03", "03"),
        (f"00-{TRACE_ID}-00f067aa0ba902b7-ff", "03"),
        (f"cc-{TRACE_ID}-00f067aa0ba902b7-03", "01"),
        (f"cc-{TRACE_ID}-00f067aa0ba902b7-01-what the future brings", "01"),
    ],
)
def test_flags_that_nobody_knows_are_left_out(parent: str, kept: str) -> None:
    assert line_of("r", parent.encode()) == f"r 00-{TRACE_ID}-00f067aa0ba902b7-{kept}"


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("rojo=1 , ,congo=a b", "rojo=1,congo=a b"),
        ("tenant@vendor=x", "tenant@vendor=x"),
        ("a=" + "v" * 256, "a=" + "v" * 256),
        ("", ""),
        ("rojo", ""),
        ("rojo=", ""),
        ("Rojo=1", ""),
        ("rojo=1,rojo=2", ""),
        ("rojo=a=b", ""),
        ("rojo=1\r\nX-Evil: 1", ""),
        ("rojo=ü", ""),
        ("a=" + "v" * 257, ""),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        (",".join(f"k{number}={'v' * 20}" for number in range(30)), ""),
    ],
)
def test_a_state_is_kept_whole_or_not_at_all(state: str, kept: str) -> None:
    line = line_of("r-1", PARENT.encode(), state.encode())

    assert line == (f"r-1 {PARENT} {kept}" if kept else f"r-1 {PARENT}")
