"""Send, settle, approve and reverse top-ups."""
