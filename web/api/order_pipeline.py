"""The stages of orders."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from inbox.model.languages import Language
from inbox.model.pipeline import MAX_STAGES, Pipeline, Stage
from inbox.model.remedies import Told
from inbox.pipeline import OrderPipeline
from web.api.fields import Id, each_once
from web.api.rows import row
from web.api.services import ApiServices
from web.api.shapes import Shape
from web.api.views import View
from web.doors.bodies import Body
from web.doors.table import Call, Route, Who
from web.doors.versions import awaited_version, versioned_answer

Code = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"), Told("is a code such as in_the_workshop")
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Following = Annotated[tuple[Code, ...], Field(max_length=MAX_STAGES), AfterValidator(each_once)]


class StageBody(Body):
    """A status: its code, what it is called by language, where it leads, and whether customers are told of it.

    `void`: an order that is here came to nothing and counts in no sum. Left out, `cancelled` and `returned` say so.
    """

    code: Code
    title: Annotated[dict[Language, Title], Field(min_length=1, max_length=20)]
    next: Following
    notify: bool = False
    macro_id: Id | None = None
    void: bool | None = None


class PipelineBody(Body):
    """The whole pipeline, in the order in which people read it."""

    statuses: Annotated[tuple[StageBody, ...], Field(min_length=1, max_length=MAX_STAGES)]


class StageShape(Shape):
    """A status."""

    code: str
    title: dict[str, str]
    next: list[str]
    notify: bool
    macro_id: str | None
    void: bool


class PipelineShape(Shape):
    """The pipeline."""

    statuses: list[StageShape]


class ChangedPipelineShape(PipelineShape):
    """The pipeline as it is now, and what is odd about it though allowed."""

    warnings: list[str]


def pipeline_view(pipeline: Pipeline) -> View:
    """The pipeline."""
    void = pipeline.void
    return {"statuses": [{**msgspec.structs.asdict(stage), "void": stage.code in void} for stage in pipeline.stages]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineHandlers:
    """`/order-pipeline`."""

    pipeline: OrderPipeline

    async def show(self, call: Call[None, None]) -> web.Response:  # noqa: ARG002  # A handler is called with its call.
        """The pipeline; its ETag is its version."""
        pipeline, version = await self.pipeline.versioned()
        return versioned_answer(pipeline_view(pipeline), version)

    async def change(self, call: Call[PipelineBody, None]) -> web.Response:
        """Set the pipeline, with `If-Match` only if nobody has changed it since."""
        wanted = Pipeline(tuple(Stage(**stage.model_dump()) for stage in call.body.statuses))
        warnings = await self.pipeline.change(wanted, version=awaited_version(call))
        pipeline, version = await self.pipeline.versioned()
        return versioned_answer({**pipeline_view(pipeline), "warnings": warnings}, version)


def rows(services: ApiServices) -> list[Route]:
    """The rows of the pipeline."""
    pipeline = PipelineHandlers(pipeline=services.pipeline)
    return [
        row("GET", "/order-pipeline", Who.ADMIN)(
            handler=pipeline.show, summary="The stages of orders and the allowed moves", answer=PipelineShape
        ),
        row("PUT", "/order-pipeline", Who.ADMIN)(
            handler=pipeline.change,
            summary="Set the stages of orders; a status that is in use cannot vanish",
            body=PipelineBody,
            answer=ChangedPipelineShape,
            audit="order_pipeline.change",
        ),
    ]
