"""Readers of other people's weights. Each gives a configuration and named tensors; none runs code from a file."""
