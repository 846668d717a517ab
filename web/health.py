"""`/healthz`, `/readyz` and `/metrics`: for those who watch the watcher."""

from apiflask import APIBlueprint, FileSchema
from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from maskwatch.bus.connection import bus_errors
from maskwatch.errors import BusError, StorageError
from maskwatch.storage.database import reading
from web.metrics import SystemCollector
from web.services import Services, services

blueprint = APIBlueprint("health", __name__, tag="Health")


@blueprint.get("/healthz")
def alive() -> ResponseReturnValue:
    """Tell that this process answers."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@blueprint.doc(responses=[503])
def ready() -> ResponseReturnValue:
    """Tell whether Redis and the database answer, any worker runs and the recorder counts.

    503 where one of the first two does not; `checks` says what is wrong with which part.
    """
    checks, is_ready = _checks(services())
    return jsonify({"ready": is_ready, "checks": checks}), 200 if is_ready else 503


def _checks(shared: Services) -> tuple[dict[str, str], bool]:
    checks: dict[str, str] = {}
    try:
        with bus_errors(shared.redis):
            shared.redis.ping()
        statuses = shared.board.cameras(shared.board.active_cameras()).values()
        vitals = shared.vitals_of(status for status in statuses if status is not None)
        checks["redis"] = "ok"
        checks["workers"] = "ok" if vitals.workers else "none is running: nothing is analysed"
        checks["recorder"] = vitals.counting_problem or "ok"
    except BusError as error:
        checks["redis"] = str(error)
    try:
        with reading(shared.engine) as session:
            session.execute(text("SELECT version_num FROM alembic_version"))
        checks["database"] = "ok"
    except StorageError as error:
        checks["database"] = str(error)
    return checks, checks["redis"] == "ok" and checks["database"] == "ok"


@blueprint.get("/metrics")
@blueprint.output(FileSchema, content_type="text/plain")
def metrics() -> ResponseReturnValue:
    """Get the system's figures for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SystemCollector(services()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
