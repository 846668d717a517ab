"""The HTTP API under /api/v1: one file a subject."""

from web.api import cameras, reports

blueprints = (cameras.blueprint, reports.blueprint)
"""What `web.app` registers."""
