"""What a process keeps an eye on beside its work: file descriptors, the database's servers, statements."""
