"""Other people's maps into ours: SUMO networks, MAP messages, and a crossing made by rule."""
