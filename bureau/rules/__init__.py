"""The rules of the cities: pure Python, no framework, no database, no clock.

Money is integer fen, ratios are exact, dates are passed in. Cities are data in `rulebooks/`.
"""
