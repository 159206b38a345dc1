"""OpenTelemetry's spans: tracing.py is for the code that makes them, spans.py sends them."""
