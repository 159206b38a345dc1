"""Commands that aren't acts: they sign in, receive webhooks, verify, and watch."""
