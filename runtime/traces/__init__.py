"""OpenTelemetry spans. tracing.py is for code that makes spans; spans.py sends them."""
