"""Pictures of what a sweep or a single run left on disk."""
