"""Pages for developers: keys, webhooks, deliveries, replays, apps."""
