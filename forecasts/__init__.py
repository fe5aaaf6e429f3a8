"""Time: what kind of day a day is, the seasons a city lives by, and what comes next.

Pure functions on dates and frames; knows no tickets, databases, files of people or screens.
"""
