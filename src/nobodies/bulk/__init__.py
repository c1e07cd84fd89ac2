"""Making faces by the million: in shards, by many processes or machines, resumable, the same to the byte."""
