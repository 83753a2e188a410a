"""Syntax tree → checked model → Python functions. No socket, clock, file, environment or event loop.

Importing this package imports nothing heavy.
"""
