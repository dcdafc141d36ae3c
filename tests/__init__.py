"""Tests of moire: identities first, numbers with their source."""
