"""Ingest: files, frames and database tables become batches of a dataset; rows that cannot be used are kept as rejects."""
