"""Is each face unique, and nobody's? Embeddings, nearest neighbours, the ledger of faces given out, and audits."""
