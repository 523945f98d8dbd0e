"""Executed truth: programs that use sqlite3 are run on every path within a bound, and lintdb is compared with that."""
