"""The last part of each command's help: lines that can be pasted."""


def examples(*lines: str) -> str:
    """An epilog with the lines as they stand; a test holds each against the command's options."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
