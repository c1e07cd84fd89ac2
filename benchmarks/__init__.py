"""Benchmarks print figures and assert none of them."""
