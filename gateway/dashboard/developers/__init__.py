"""Pages for developers: keys, webhooks, deliveries, replays and apps."""
