"""Models: the catalogue, the cache, the native format, importers of other people's weights."""
