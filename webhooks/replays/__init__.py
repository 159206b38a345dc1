"""Send an endpoint's deliveries of a period again, in small steps."""
