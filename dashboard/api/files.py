"""The routes for files: a run's metrics, weights and program taken away, networks brought in.

They do not know what is in a file.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from core.records.runs import RunSnapshot
from dashboard.api.bodies import BadRequest, download, read_body
from dashboard.api.schemas import Name

if TYPE_CHECKING:
    from core.service.service import TrainingService


BYTES = {"schema": {"type": "string", "format": "binary"}}
FILE_SENT = {"requestBody": {"required": True, "content": {"application/octet-stream": BYTES}}}


def _file(media_type: str) -> dict[str, Any]:
    """The description of a route that answers with a file."""
    found = {"description": "The file", "content": {media_type: BYTES}}
    return {"tags": ["files"], "response_class": Response, "responses": {200: found}}


def register(api: APIRouter, service: "TrainingService") -> None:
    files = service.files

    @api.get("/runs/{run_id}/metrics.csv", **_file("text/csv"))
    def get_metrics_csv(run_id: str) -> Response:
        """All metrics, a line an event."""
        return download(files.metrics_csv(run_id))

    @api.get("/runs/{run_id}/metrics.json", **_file("application/json"))
    def get_metrics_json(run_id: str) -> Response:
        """All metrics, with the run's settings."""
        return download(files.metrics_json(run_id))

    @api.get("/runs/{run_id}/tensorboard.zip", **_file("application/zip"))
    def get_tensorboard(run_id: str) -> Response:
        """All metrics as the event file that TensorBoard shows, where its package is installed."""
        return download(files.tensorboard(run_id))

    @api.get("/runs/{run_id}/weights", **_file("application/octet-stream"))
    def get_weights(
        run_id: str,
        epoch: Annotated[
            int | None,
            Query(ge=0, le=10**9, description="After which epoch; by default the newest weights."),
        ] = None,
        format: Annotated[
            Literal["pth", "safetensors", "onnx"],
            Query(description="`pth` is what the notebook's `torch.load` reads."),
        ] = "pth",
    ) -> Response:
        """A network, as it was after one of the epochs that are `kept`."""
        return download(files.weights(run_id, epoch, format))

    @api.get("/runs/{run_id}/script.py", **_file("text/x-python"))
    def get_script(run_id: str) -> Response:
        """A Python script that trains the run once more without Digit Lab, with its own numbers."""
        return download(files.script(run_id))

    @api.get("/runs/{run_id}/notebook.ipynb", **_file("application/x-ipynb+json"))
    def get_notebook(run_id: str) -> Response:
        """The same as a Jupyter notebook, explained, with curves and five test images."""
        return download(files.notebook(run_id))

    def sent_file(request: Request, content: Annotated[bytes, Depends(read_body)]) -> bytes:
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise BadRequest(
                "Send the file itself, as `curl --data-binary @FILE` does, not a form."
            )
        return content

    @api.post("/import", status_code=201, tags=["files"], openapi_extra=FILE_SENT)
    def bring_in(
        content: Annotated[bytes, Depends(sent_file)],
        name: Annotated[Name, Query(description="What the run is called: the file's name.")] = "",
    ) -> RunSnapshot:
        """Makes a run of a `.pth` or safetensors file, to be looked at and read with.

        Which network it is, its keys and shapes tell. Its accuracy follows within seconds, where
        test images are there.
        """
        return service.snapshot(service.bring_in(content, name))
