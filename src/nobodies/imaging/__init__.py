"""Pictures: encoding and decoding, resizing, contact sheets."""
