"""An OpenAI-compatible server: `smc serve`, or `create_app(model)` inside another application."""

from smc.integrations.server.app import create_app
from smc.integrations.server.models import Served

__all__ = ["Served", "create_app"]
