"""Wiring that only the edges use: queue, limiter, supervisor, embedded Redis, settings, logs."""
