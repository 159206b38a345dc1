"""The job edge: claims, sends and settles deliveries, and runs the jobs that others queue."""
