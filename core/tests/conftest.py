"""Puts this folder on the import path, for the helpers of the tests below it."""
