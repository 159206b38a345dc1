from typing import Literal, cast

MintBodyPresetType0 = Literal["agent"]


def check_mint_body_preset_type_0(value: str) -> MintBodyPresetType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MintBodyPresetType0, value)
