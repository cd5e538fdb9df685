"""Corpora to codes: recordings from folders and manifests into shards that speech models train on.

    sources -> recordings -> an engine's workers -> outcomes -> shards, failures.parquet

`nsvq tokens` puts them together; docs/tokens.md describes what is written.
"""
