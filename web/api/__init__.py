"""The HTTP API under /api/v1: one file a subject."""

from web.api import cameras, footage, reports

blueprints = (cameras.blueprint, reports.blueprint, footage.blueprint)
"""What `web.app` registers."""
