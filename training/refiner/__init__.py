"""The second look at found faces: its candidates, network and training."""
