"""Starts Digit Lab: reads the command line, builds the service and the page, serves both."""

import argparse
import contextlib
import errno
import gc
import re
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from core.errors import StorageError
from dashboard import hosts, logs
from dashboard.hosts import Host

ROOT = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Serves until Ctrl+C; returns the exit code."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    problem = _address_problem(options.host, options.port)
    if options.data_dir is not None:
        problem = problem or _folder_problem(options.data_dir)
    if problem is not None:
        return _refuse(problem)

    print("Digit Lab is starting ...", flush=True)
    # These bring torch, which takes seconds: not before the command line is known to be right.
    import uvicorn

    from core.data.catalog import DataCatalog
    from core.device import configure_malloc
    from core.runs.database import RunDatabase
    from core.service.service import TrainingService
    from dashboard import connections
    from dashboard.app import create_app

    configure_malloc()
    connections.raise_file_limit()
    catalog = DataCatalog(options.data_dir, ROOT / "data", options.dataset)
    try:
        service = TrainingService(catalog, RunDatabase(options.runs_dir))
    except StorageError as error:
        return _refuse(str(error))
    service.prepare_dataset()
    app = create_app(service, options.host, options.allow_host, options.url_prefix)

    url = f"http://{_shown(options.host)}:{options.port}{options.url_prefix.rstrip('/')}"
    print(f"Open {url} in a browser. Ctrl+C ends it.", flush=True)
    if not options.no_browser:
        threading.Timer(1.0, webbrowser.open, (url,)).start()
    # A full collection among all that torch and Dash brought stops every thread for 0.26 s.
    gc.collect()
    gc.freeze()
    # uvicorn shuts everything down and only then hands the signal on.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            app.server,
            host=options.host,
            port=options.port,
            log_config=None,
            log_level="error" if options.log_level == "error" else "warning",
            access_log=False,
            **connections.SERVER_OPTIONS,
        )
    # On its way out Python looks for garbage once more, among all that torch brought: seconds.
    gc.freeze()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Watch a neural network learn to read digits, in a browser."
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=_port, default=8050, help="port to serve (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        type=_allowed_host,
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which a proxy serves Digit Lab, as lab.example; may be given again",
    )
    parser.add_argument(
        "--url-prefix",
        type=_url_prefix,
        default="/",
        metavar="PATH",
        help="path to serve under, as /lab, behind a proxy (default: %(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="a folder with MNIST's files, in it or below (default: data/ here)",
    )
    parser.add_argument(
        "--runs-dir",
        type=Path,
        default=ROOT / "runs",
        help="where trained networks are kept (default: runs/ here)",
    )
    parser.add_argument(
        "--dataset",
        choices=("auto", "mnist", "synthetic"),
        default="auto",
        help="what to train on; auto takes MNIST where it can be had (default: %(default)s)",
    )
    parser.add_argument(
        "--log-level",
        choices=logs.LEVELS,
        default="warning",
        help="what is written to the terminal; info has a line for each event (default: "
        "%(default)s)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give a number from 1 to 65535")
    return int(text)


def _allowed_host(text: str) -> Host:
    try:
        return hosts.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text} is not the name of a host: give one as lab.example or lab.example:8443"
        ) from error


def _url_prefix(text: str) -> str:
    parts = text.strip("/").split("/")
    if not re.fullmatch(r"/?([\w.~-]+/)*[\w.~-]*", text, re.ASCII) or {".", ".."} & {*parts}:
        raise argparse.ArgumentTypeError(f"{text} is not a path: give letters, as /lab")
    return f"/{'/'.join(parts)}/".replace("//", "/")


def _address_problem(host: str, port: int) -> str | None:
    """Why that address cannot be served, or None."""
    foreign = (
        f"{host} is not an address of this computer. Leave --host out. "
        "The name of a proxy goes with --allow-host."
    )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (socket.gaierror, UnicodeError):
        return foreign
    except PermissionError:
        return f"Port {port} needs special rights. Choose one above 1023 with --port."
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return foreign
        return (
            f"{host}:{port} cannot be served: another program, perhaps another Digit Lab, uses it. "
            f"Choose another port with --port {port + 1}."
        )
    return None


def _folder_problem(folder: Path) -> str | None:
    """Why the folder with the data cannot be read, or None."""
    try:
        list(folder.iterdir())
    except FileNotFoundError:
        return f"There is no folder {folder.absolute()}. Name another with --data-dir."
    except NotADirectoryError:
        return f"{folder.absolute()} is a file. Name the folder that holds it with --data-dir."
    except OSError as error:
        return (
            f"The folder {folder.absolute()} cannot be read: {error.strerror}. "
            "Change that, or name another with --data-dir."
        )
    return None


def _shown(host: str) -> str:
    """The host as one types it into a browser."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
