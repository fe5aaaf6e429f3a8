"""Policy and performance: what a ticket is, what counts, and the three rates.

Pure functions on frames and dated policy data; knows neither files, databases nor screens.
"""
