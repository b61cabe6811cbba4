"""How far the fusion core's positions are from the truth on recorded drives, and how honest its protection levels are.

    python -m bench.accuracy --data DIR --json FILE

Rules:
* Sets are found by folder name and file format; nothing in here knows a row, a time or a coordinate of the recordings.
* Causal: a measurement is handed over when it was received; a position is asked for at each truth epoch, before anything later is known.
* The truth places nothing: the local frame's origin is the first fix, the engine starts from what it is given. The Nagoya drive's motion
  and 5G ranges are SIMULATED from its truth, by the tool that lies beside the recordings.
"""
