"""Serve pages for developers: keys, webhooks, deliveries, replays and apps."""
