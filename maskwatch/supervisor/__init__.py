"""Running every process of one machine: a table of them, restarts, one log, an orderly end."""

from maskwatch.supervisor.supervisor import Supervisor

__all__ = ["Supervisor"]
