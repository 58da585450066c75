"""Routes for files: download a run's metrics, weights and program, import a network."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import Response

from core.records.exports import File, WeightsFormat
from core.records.runs import RunSnapshot
from dashboard.api.errors import BadRequest
from dashboard.api.schemas import KeptEpoch, Name
from dashboard.service import TrainingService

BYTES = {"type": "string", "format": "binary"}
FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": BYTES}},
    }
}
TEXT = {"type": "string"}
OBJECT = {"type": "object", "additionalProperties": True}


async def read_body(request: Request) -> bytes:
    return await request.body()


def register(api: FastAPI, service: TrainingService) -> None:
    files = service.exports

    @api.get("/runs/{run_id}/metrics.csv", **_described("text/csv", TEXT))
    def get_metrics_csv(run_id: str) -> Response:
        """All metrics, a line an event."""
        return _download(files.metrics_csv(run_id))

    @api.get("/runs/{run_id}/metrics.json", **_described("application/json", OBJECT))
    def get_metrics_json(run_id: str) -> Response:
        """All metrics, with the run's settings."""
        return _download(files.metrics_json(run_id))

    @api.get("/runs/{run_id}/tensorboard.zip", **_described("application/octet-stream", BYTES))
    def get_tensorboard(run_id: str) -> Response:
        """All metrics as the event file that TensorBoard shows, where its package is installed."""
        return _download(files.tensorboard(run_id))

    @api.get("/runs/{run_id}/weights", **_described("application/octet-stream", BYTES))
    def get_weights(
        run_id: str,
        epoch: KeptEpoch = None,
        format: Annotated[
            WeightsFormat,
            Query(description="`pth` is what the notebook's `torch.load` reads."),
        ] = "pth",
    ) -> Response:
        """A network, as it was after one of the epochs that are `kept`."""
        return _download(files.weights(run_id, epoch, format))

    @api.get("/runs/{run_id}/script.py", **_described("text/x-python", TEXT))
    def get_script(run_id: str) -> Response:
        """A Python script that trains the run once more without Digit Lab, with its own numbers."""
        return _download(files.script(run_id))

    @api.get("/runs/{run_id}/notebook.ipynb", **_described("application/x-ipynb+json", OBJECT))
    def get_notebook(run_id: str) -> Response:
        """The same as a Jupyter notebook, explained, with curves and five test images."""
        return _download(files.notebook(run_id))

    @api.post("/import", status_code=201, tags=["files"], openapi_extra=FILE_BODY)
    def import_weights(
        request: Request,
        content: Annotated[bytes, Depends(read_body)],
        name: Annotated[Name, Query(description="What the run is called: the file's name.")] = "",
    ) -> RunSnapshot:
        """Makes a run of a `.pth`, safetensors or ONNX file, to be explored like any other.

        Its keys and shapes tell which network it is; `message` says what was ignored. Its accuracy
        follows within seconds, where test images are there.
        """
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise BadRequest(
                "Send the file itself, as `curl --data-binary @FILE` does, not a form."
            )
        return service.runs.snapshot(service.imports.import_weights(content, name))


def _described(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The description of a route that answers with a file."""
    answer = {"description": "The file", "content": {media_type: {"schema": schema}}}
    return {"tags": ["files"], "response_class": Response, "responses": {200: answer}}


def _download(file: File) -> Response:
    """An answer that a browser saves under the file's name."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)
