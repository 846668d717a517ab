"""What the parts of maskwatch share: messages, configuration, Redis, SQL, the command line."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("maskwatch")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"
