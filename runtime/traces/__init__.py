"""Make and send OpenTelemetry spans. Code that makes spans imports tracing.py. spans.py sends them."""
