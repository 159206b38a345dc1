"""The Billing API dialect."""
