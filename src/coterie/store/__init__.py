"""Metadata: versioned documents in SQLite or PostgreSQL."""
