"""What the parts of maskwatch share: messages, configuration, Redis, SQL, the command line."""

__version__ = "0.1.0"
"""Stands here, not in the installation's facts: a checkout that runs uninstalled has it too."""
