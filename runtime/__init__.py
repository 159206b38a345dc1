"""Parts of a process: queue, limiter, supervisor, embedded Redis, settings, logs."""
