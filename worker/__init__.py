"""The job edge: claims, sends and settles deliveries, and runs queued jobs."""
