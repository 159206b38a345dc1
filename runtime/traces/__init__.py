"""OpenTelemetry spans. Code that makes spans imports tracing.py, and spans.py sends them."""
