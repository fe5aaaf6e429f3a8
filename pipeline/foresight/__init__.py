"""Foresight: forecasts, season atlas and season warnings of one snapshot, made in a batch and stored beside it."""
