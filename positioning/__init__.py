"""Where every road user is, how well that is known, and how far to trust it."""
