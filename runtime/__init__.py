"""Wiring that only the edges see: queue, limiter, supervisor, embedded Redis, settings, logs."""
