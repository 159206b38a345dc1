from typing import Literal, cast

NewKeyPresetType0 = Literal["agent", "checkout", "reader"]


def check_new_key_preset_type_0(value: str) -> NewKeyPresetType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(NewKeyPresetType0, value)
