"""One module for each command of `v2x`, imported when the command is asked for."""
