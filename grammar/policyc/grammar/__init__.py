"""Text ⇄ syntax tree. Knows the language; knows nothing of traffic.

Importing this package imports nothing heavy: `lark` and `yaml` are loaded by the modules that use them.
"""
