"""Typed expressions and rules to Python source: what runs on the hot path."""
