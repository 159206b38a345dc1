"""What a process watches beside its work: file descriptors, the database's servers, statements."""
