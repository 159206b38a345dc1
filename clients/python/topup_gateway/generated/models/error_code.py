from typing import Literal, cast

ErrorCode = Literal[
    2001,
    2002,
    2003,
    2004,
    2005,
    2006,
    2007,
    2008,
    2009,
    2010,
    2011,
    2012,
    2013,
    3002,
    3003,
    3004,
    3005,
    3008,
    3009,
    3010,
    4001,
    4002,
    4003,
    4004,
    4005,
    5000,
    5001,
    5002,
]


def check_error_code(value: int) -> ErrorCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ErrorCode, value)
