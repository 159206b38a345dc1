"""Provide the parts of a process: settings, logs, metrics, Redis, rate limits, and the supervisor of child
processes.
"""
