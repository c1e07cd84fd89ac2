"""Marks that say a picture was generated, and how to find them again."""
