"""Define the migrations, one per file. A file name consists of the version, `pre` or `post`, and the subject."""
