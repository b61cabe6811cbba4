"""A measured load: stations of a made-up district, and the subscriber that takes the time."""
