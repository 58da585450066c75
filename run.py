"""Starts Digit Lab: reads the command line, builds the service and the page, serves both."""

import argparse
import contextlib
import errno
import gc
import importlib
import ipaddress
import re
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from core.errors import StorageError
from dashboard.server import auth, hosts, logs
from dashboard.server.hosts import Host
from dashboard.server.html_page import html_page

ROOT = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Serves until Ctrl+C; returns the exit code."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    problem = _address_problem(options.host, options.port)
    if options.data_dir is not None:
        problem = problem or _folder_problem(options.data_dir)
    try:
        given = None if options.no_token else auth.given_token(options.token_file)
    except ValueError as error:
        problem = problem or str(error)
    if problem is not None:
        return _refuse(problem)
    is_open = bool(options.allow_host) or not hosts.is_loopback(options.host)
    is_made = is_open and not options.no_token and given is None
    token = secrets.token_urlsafe(32) if is_made else given

    print("Digit Lab is starting ...", flush=True)
    # These bring torch, which takes seconds: not before the command line is known to be right. To
    # look for garbage among all this takes a quarter of them; later, in a full collection, it would
    # stop every thread for 0.26 s.
    gc.disable()
    import uvicorn

    from core.data.catalog import DataCatalog
    from core.device import configure_malloc
    from core.runs.database import RunDatabase
    from core.service.service import TrainingService
    from dashboard.app import create_app
    from dashboard.server import connections

    importlib.import_module("torch._dynamo")  # else who trains first waits for it
    gc.freeze()
    gc.enable()

    configure_malloc()
    connections.raise_file_limit()
    catalog = DataCatalog(options.data_dir, ROOT / "data", options.dataset)
    credentials = None
    try:
        service = TrainingService(catalog, RunDatabase(options.runs_dir))
        if token is not None:
            credentials = auth.credentials(token, options.port, options.runs_dir)
    except StorageError as error:
        return _refuse(str(error))
    service.prepare_dataset()
    app = create_app(service, options.host, options.allow_host, options.url_prefix, credentials)

    if is_open and token is None:
        print("There is no token: whoever reaches this address may train and delete.")
    print(f"Open {_invitation(options, given, token)}. Ctrl+C ends it.", flush=True)
    opening = contextlib.nullcontext() if options.no_browser else _opened(options, token)
    gc.freeze()
    # uvicorn shuts everything down and only then hands the signal on.
    with contextlib.suppress(KeyboardInterrupt), opening:
        uvicorn.run(
            app.server,
            host=options.host,
            port=options.port,
            log_config=None,
            log_level="error" if options.log_level == "error" else "warning",
            access_log=False,
            **connections.SERVER_OPTIONS,
            # What a client says about its own address counts from these alone.
            proxy_headers=bool(options.trusted_proxy),
            forwarded_allow_ips=options.trusted_proxy,
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
        "--trusted-proxy",
        type=_trusted_proxy,
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a proxy whose X-Forwarded-For and -Proto count, as 127.0.0.1; may be given again",
    )
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with the token that visitors need (default: a new one, where other computers "
        f"get in; or the environment variable {auth.VARIABLE})",
    )
    token.add_argument(
        "--no-token", action="store_true", help="let everybody in, from other computers too"
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


def _trusted_proxy(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text} is not the address of a proxy: give one as 127.0.0.1 or 10.0.0.0/8"
        ) from error


def _url_prefix(text: str) -> str:
    parts = text.strip("/").split("/")
    if not re.fullmatch(r"/?([\w.~-]+/)*[\w.~-]*", text, re.ASCII) or {".", ".."} & {*parts}:
        raise argparse.ArgumentTypeError(f"{text} is not a path: give letters, as /lab")
    return f"/{'/'.join(parts)}/".replace("//", "/")


def _address_problem(host: str, port: int) -> str | None:
    """Why that address cannot be served, or None."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            if sys.platform != "win32":  # there it would take a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            return (
                f"{host}:{port} cannot be served: {error.strerror}. Perhaps another Digit Lab uses "
                f"it. Choose another port with --port {max(port % 65535, 1023) + 1}."
            )
        return (
            f"{host} is not an address of this computer. Leave --host out. "
            "The name of a proxy goes with --allow-host."
        )
    return None


def _folder_problem(folder: Path) -> str | None:
    """Why the folder with the data cannot be read, or None."""
    try:
        list(folder.iterdir())
    except OSError as error:
        return (
            f"The folder {folder.absolute()} cannot be read: {error.strerror}. "
            "Name another with --data-dir."
        )
    return None


def _invitation(options: argparse.Namespace, given: str | None, token: str | None) -> str:
    """Where Digit Lab is and how one gets in. A token that somebody gave is not shown."""
    address = _address(options, _own_address(options.host))
    if given is not None:
        source = options.token_file or f"the environment variable {auth.VARIABLE}"
        return f"{address} in a browser and sign in with the token from {source}"
    return f"{address if token is None else f'{address}/?token={token}'} in a browser"


@contextlib.contextmanager
def _opened(options: argparse.Namespace, token: str | None) -> Iterator[None]:
    """Opens the page in a browser, soon.

    A token must not be in the browser's command line, which everybody on this computer may read:
    the browser gets a file that leads to the page, for its owner alone. It is with the runs because
    some browsers, as those of snap, read no temporary files.
    """
    address = _address(options, {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host))
    if token is None:
        threading.Timer(1.0, webbrowser.open, (address,)).start()
        yield
        return
    file = options.runs_dir.absolute() / "open_in_browser.html"
    address += f"/?token={token}"
    leads_there = f'<meta http-equiv="refresh" content="0; url={address}">'
    link = f'<a href="{address}">Open Digit Lab</a>'
    with contextlib.suppress(StorageError):  # the address was printed, too
        auth.write_private(file, html_page("one moment", leads_there, link))
        threading.Timer(1.0, webbrowser.open, (file.as_uri(),)).start()
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _address(options: argparse.Namespace, host: str | None = None) -> str:
    host = host or options.host
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{options.port}{options.url_prefix.rstrip('/')}"


def _own_address(host: str) -> str:
    """The host under which others reach this computer, where it serves all of its addresses."""
    elsewhere = {"0.0.0.0": (socket.AF_INET, "192.0.2.1"), "::": (socket.AF_INET6, "2001:db8::1")}
    if host not in elsewhere:
        return host
    family, target = elsewhere[host]
    # Nothing is sent: the system only says which of its addresses it would send from.
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1" if family == socket.AF_INET else "::1"


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
