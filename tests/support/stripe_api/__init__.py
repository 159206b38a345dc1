"""A stand-in of Stripe's API on loopback, which keeps objects, bills by a clock and signs events.

Written from Stripe's published documents: the API reference (docs.stripe.com/api, version
2026-10-28.endive: invoices, subscriptions, payment intents, refunds, disputes, balance transactions,
pagination, idempotent requests, errors), "How subscriptions work", "Prorations", "Using webhooks with
subscriptions", "Testing" (the card numbers) and "Receive Stripe events in your webhook endpoint". It
knows what this project asks for, and answers 404 to anything else. It does not complain about unknown
parameters: the vendor's own stripe-mock does (tests/billing/lives/test_stripe_requests.py).
"""
