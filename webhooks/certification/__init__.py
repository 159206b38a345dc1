"""Test a webhook receiver: find events that it would lose, process twice or wrongly accept."""
