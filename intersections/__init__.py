"""What an intersection sees coming, warns of, and decides."""
