"""`v2x demo`: server, sim and an independent listener, each a process of its own."""
