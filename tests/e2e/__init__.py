"""The whole product from outside: real processes, real HTTP, real webhooks to loopback receivers."""
