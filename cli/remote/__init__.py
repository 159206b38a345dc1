"""Commands that call a gateway over HTTP with an API key, without a database or server here."""
