"""Storage remembers: the journal on disk and history in Postgres."""
