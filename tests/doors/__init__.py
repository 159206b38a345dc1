"""Every door's outputs, refusals and audit entries, as they were recorded: commands and forms.

`scenes/` says what is called; `TOPUP_RECORD=1 pytest tests/doors` records it again.
"""
