"""OpenTelemetry's spans: what makes them may call one, how they are sent the other module."""
