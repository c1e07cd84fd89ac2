"""Tools for those who work on nobodies: reference pages, shipped data, labels. Not part of the package."""
