"""The demo city: a made-up year-round life of a hotline, seeded and bounded in memory, that goes in through the normal ingest.

Every figure it is made from stands in ``cities/demo/`` and is assumed; ``docs/demo_city.md`` says from which text.
"""
