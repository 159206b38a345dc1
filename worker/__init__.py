"""Background work: claim, send and settle deliveries, and run queued jobs."""
