"""Measuring the networks on pictures that training never saw."""
