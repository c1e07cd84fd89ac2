"""Running the application: one process, or several that share a port."""

import logging
import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from nobodies.database import Database, is_address
from nobodies.errors import SettingError
from nobodies.settings import DEFAULT_MODEL, EngineSettings, MarkSettings, UniqueSettings, WebSettings
from nobodies.web.browser_page import BrowserPage
from nobodies.web.draining import drain_first
from nobodies.web.game import Game
from nobodies.web.keys import read_keys, read_secret

_log = logging.getLogger(__name__)

_FRAME_BYTES: Final = 1 << 20
# Access lines would hold the addresses of visitors and what they asked for, and so would lines about web sockets.
_LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "nobodies": {"level": "INFO"},
        "uvicorn": {"level": "WARNING"},
        "psycopg": {"level": "CRITICAL"},  # its lines name users; ours say what is wrong
    },
}


def serve(
    settings: WebSettings,
    *,
    model: str = DEFAULT_MODEL,
    engine: EngineSettings | None = None,
    marks: MarkSettings | None = None,
    unique: UniqueSettings | None = None,
    announce: Callable[[str], None] = _log.info,
) -> None:
    """Serve until told to stop (SIGINT or SIGTERM), then finish what has begun.

    Args:
        settings: where to listen, processes, limits.
        model: a name from `nobodies models list`, fetched already.
        engine: precision, threads, streams. With several processes, the threads are shared out among them.
        marks: how pictures say that they were generated; all marks that can be made if not given.
        unique: when two faces count as one person, where the settings ask for faces that are given once.
        announce: told the address once the port is taken.

    Raises:
        SettingError: the port cannot be had, or a file that the settings name cannot be used.
    """
    engine = engine or EngineSettings(layout="throughput")
    if settings.workers > 1 and not engine.threads:
        engine = _shared_out(engine, settings.workers)
    secret = read_secret(settings.secret_file)
    read_keys(settings.keys_file)  # each process reads its files anew; here they are tried before anything begins
    check_shared(settings)
    if settings.real_photos:
        Game(settings.real_photos, secret)
    if settings.browser_page:
        BrowserPage(settings.browser_page)
    listening = _listen(settings)
    config = uvicorn.Config(
        partial(_make_app, settings, model, engine, marks, secret, unique),
        factory=True,
        workers=settings.workers,
        log_config=_LOGGING,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=_FRAME_BYTES,
        ws_max_queue=2,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=settings.shutdown_s,
        timeout_worker_healthcheck=15,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    announce(f"http://{host}:{listening.getsockname()[1]}/")
    if settings.workers == 1:
        uvicorn.Server(config).run([listening])
        return
    with tempfile.TemporaryDirectory(prefix="nobodies-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # as prometheus_client wants it, before it is imported
        Multiprocess(config, [listening]).run()


def check_shared(settings: WebSettings) -> None:
    """Try, before anything begins, what the settings say about other servers. Nothing is connected.

    Raises:
        SettingError: something cannot be read, or is missing.
        DependencyError: an extra is not installed.
    """
    if settings.shared_keys and not settings.shared:
        raise SettingError(
            "shared_keys needs a database that keeps them: give --shared postgresql://USER@HOST/DATABASE"
        )
    if settings.shared and not settings.secret_file:
        raise SettingError(
            "servers that share a database share a secret too: give --secret-file, made with 'openssl rand -hex 32'"
        )
    if settings.shared:
        Database(settings.shared)
    if settings.ledger and not settings.unique:
        raise SettingError("ledger is where --unique records faces: add --unique, or leave it out")
    if settings.ledger and is_address(settings.ledger):
        Database(settings.ledger)


def _make_app(
    settings: WebSettings,
    model: str,
    engine: EngineSettings,
    marks: MarkSettings | None,
    secret: bytes,
    unique: UniqueSettings | None,
) -> Any:
    from nobodies.web.app import create_app, load_model

    app = create_app(
        settings,
        load=partial(load_model, model, engine, gate=settings.gate),
        marks=marks,
        secret=secret,
        unique=unique,
    )
    if settings.drain_s:
        drain_first(app.state.site.drain, settings.drain_s)
    return app


def _listen(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise SettingError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; choose another --port"
        ) from error
    listening.set_inheritable(True)
    return listening


def _shared_out(engine: EngineSettings, workers: int) -> EngineSettings:
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    return EngineSettings(
        precision=engine.precision, layout=engine.layout, threads=threads, streams=min(engine.streams, threads)
    )
