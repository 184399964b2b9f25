"""Assemblies that the broker makes itself, and what becomes of those that wait for them."""
