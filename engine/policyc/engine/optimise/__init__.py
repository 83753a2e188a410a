"""What a policy becomes before it is generated: passes over typed expressions, and over the rules of a phase.

A pass never changes what an expression gives, nor whether it fails; which of two errors is told may change.
"""
