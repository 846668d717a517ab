"""The face detector: its network, its data, its training and its export."""
