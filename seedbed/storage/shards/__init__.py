"""Rows on disk: parquet shards in a folder or at a URL, whole or absent."""
