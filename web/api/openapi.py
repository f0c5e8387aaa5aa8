"""The OpenAPI 3.1 document, made from the table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api.shapes import ProblemShape
from web.doors.answers import json_answer
from web.doors.table import Call, Face, Route, Who

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_PATH_VARIABLE = re.compile(r"{(\w+)(?::[^}]*)?}")

_References = Mapping[Any, dict[str, Any]]
"""By model and mode."""


class OpenApiHandlers:
    """Describes those rows of `table` that face programs. The table may still grow while the server is built."""

    def __init__(self, table: Sequence[Route]) -> None:
        self._table = table
        self._document: dict[str, Any] | None = None

    def row(self, path: str) -> Route:
        """Where the document itself is found."""
        return Route(method="GET", path=path, handler=self.show, who=Who.PUBLIC, summary="This document")

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """The document."""
        if self._document is None:
            self._document = describe(row for row in self._table if row.face is Face.API)
        return json_answer(self._document)


def describe(rows: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of these rows."""
    rows = list(rows)
    models: set[tuple[type[BaseModel], JsonSchemaMode]] = {(ProblemShape, "serialization")}
    for row in rows:
        models.update((model, "validation") for model in (row.body,) if model is not None)
        models.update((model, "serialization") for model in (row.answer,) if model is not None)
    ordered = sorted(models, key=lambda pair: (pair[0].__name__, pair[1]))
    references, definitions = models_json_schema(ordered, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        path = _PATH_VARIABLE.sub(r"{\1}", row.path)
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Skrynka", "version": "1", "description": "An omnichannel inbox for online shops."},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "skrynka_session"},
            },
        },
    }


def _operation(row: Route, references: _References) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": row.summary,
        "operationId": f"{row.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', row.path)}".rstrip("_"),
        "parameters": [*_path_parameters(row), *_query_parameters(row)],
        "responses": _responses(row, references),
        "security": [] if row.who is Who.PUBLIC else [{"bearer": []}, {"cookie": []}],
        "x-who": row.who.value,
    }
    if row.body is not None:
        schema = references[row.body, "validation"]
        operation["requestBody"] = {
            "required": not row.body_optional,
            "content": {"application/json": {"schema": schema}},
        }
    elif row.uploads:
        file = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": file}}}
    return operation


def _responses(row: Route, references: _References) -> dict[str, Any]:
    problem = {"content": {_PROBLEM: {"schema": references[ProblemShape, "serialization"]}}}
    responses: dict[str, Any] = {}
    for status in row.statuses:
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if row.answer is not None:
            described["content"] = {row.media_type: {"schema": references[row.answer, "serialization"]}}
        elif row.media_type != "application/json":
            described["content"] = {row.media_type: {}}
        responses[str(status)] = described
    responses["default"] = {"description": "What went wrong", **problem}
    return responses


def _path_parameters(row: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_VARIABLE.findall(row.path)
    ]


def _query_parameters(row: Route) -> list[dict[str, Any]]:
    if row.query is None:
        return []
    # Inline, because OpenAPI has no schema for a query as a whole.
    schema = row.query.model_json_schema(ref_template=_REFERENCE)
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": _inlined(described, definitions),
        }
        for name, described in schema["properties"].items()
    ]


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, definitions) for value in schema]
    return schema
