"""The OpenAPI description of a server: FastAPI's own, with the bodies that requests have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema


def describe(app: FastAPI, bodies: Mapping[str, type[BaseModel]]) -> None:
    """Have an application describe the bodies of its requests, which it reads by itself.

    Args:
        app: Whose `/openapi.json` and `/docs` are to tell of them.
        bodies: By path.
    """
    plain = app.openapi
    known: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not known:
            known.update(plain())
            mode: JsonSchemaMode = "validation"
            of_kind, definitions = models_json_schema(
                [(body, mode) for body in bodies.values()],
                ref_template="#/components/schemas/{model}",
            )
            known.setdefault("components", {}).setdefault("schemas", {}).update(
                definitions.get("$defs", {})
            )
            for path, body in bodies.items():
                schema = {"schema": of_kind[body, mode]}
                content = {"required": True, "content": {"application/json": schema}}
                known["paths"][path]["post"]["requestBody"] = content
        return known

    app.openapi = described
