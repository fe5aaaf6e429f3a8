"""The only room that knows DuckDB, Parquet and SQL: ticket lake, mart, and the reads that pages use.

Reads return counts, never rates; every read takes a ``Scope`` and applies it here.
"""
