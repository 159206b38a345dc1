"""What a client prints of an error."""


def test_an_error_prints_what_was_left_out_in_a_word() -> None:
    from topup_gateway.generated.models import FieldProblem  # noqa: PLC0415 as the others here

    shown = repr(FieldProblem(param="platform", detail="is one of claude, gemini"))

    assert "code=UNSET" in shown
    assert "0x" not in shown
