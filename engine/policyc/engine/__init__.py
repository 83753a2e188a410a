"""Syntax tree → checked model → Python functions. No socket, no clock, no file, no environment, no event loop.

Importing this package imports nothing heavy.
"""
