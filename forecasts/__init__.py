"""Time: what kind of day a day is, and the seasons a city lives by.

Pure functions on dates and frames; knows no tickets, databases, files of people or screens.
"""
