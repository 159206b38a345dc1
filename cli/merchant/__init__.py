"""Commands of merchants, who send top-ups and receive webhooks."""
