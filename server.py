"""The web server: the Streamlit app, the boundary files beside it, and the warm-up before the first visitor.

``manage.py serve`` must run, with ``WEISU_HOME`` in the environment::

    python -m streamlit run /path/to/server.py --server.address 127.0.0.1 --server.port 8501

(``streamlit run`` finds ``app`` below and serves it with uvicorn; the address then is an option of
Streamlit, which the demo identity checks. ``/_stcore/health`` answers ``ok`` once the warm-up is done.)
"""

from __future__ import annotations

import gc
import gzip
import logging
import re
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from ui import identity, turns
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

ROOT = Path(__file__).resolve().parent
LOG = logging.getLogger("weisu.server")
KEY_PATTERN = re.compile(r"[0-9A-Za-z_-]{1,80}")
COLLECT_AFTER = (50_000, 20, 20)
FOR_GOOD = "public, max-age=31536000, immutable"


# A folder named pages/ makes a fresh server treat the first request the old way: files lying flat in it run without
# app.py, and a deep link is answered with "page not found" first. We always use st.navigation, so say so from the start.
PagesManager.uses_pages_directory = False


async def boundaries(request: Request) -> Response:
    """``/geo/<boundaries_key>/<level>.geojson``: nothing but the two files of ``Home.boundary_file``."""
    from ui import geometry

    key, level = request.path_params["key"], request.path_params["level"]
    if level not in geometry.LEVELS or not KEY_PATTERN.fullmatch(key):
        return PlainTextResponse(_("没有这个边界文件。"), status_code=404)
    content = await anyio.to_thread.run_sync(geometry.compressed, level)
    if content is None:
        return PlainTextResponse(_("没有安装这一级的边界。"), status_code=404)
    is_current = await anyio.to_thread.run_sync(geometry.is_current, key)
    headers = {"Cache-Control": FOR_GOOD if is_current else "no-store", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type="application/geo+json", headers=headers)


class LoopbackOnly:
    """Demo identity lets anybody be anyone, so nobody from another machine is answered at all.

    The address asked here is the connection's own; a ``Host`` header could be made up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from this machine."""
        client = scope.get("client")
        if scope["type"] in ("http", "websocket") and client and not identity.is_loopback(client[0]):
            refusal = PlainTextResponse(_("演示身份只能在本机使用。"), status_code=403)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refusal(scope, receive, send)
            return
        turns.somebody_is_here()
        await self.app(scope, receive, send)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Import and read once before the first visitor, then read ahead what visitors usually ask for.

    What lives for good is taken out of the garbage collector's sight, and the collector looks less often: a page makes and
    drops some hundred thousand small objects, nearly none of them in cycles. What holds cached reads is imported here, not
    above: a cache made before Streamlit's runtime is there complains in the log.
    """
    from ui import warmup

    try:
        await anyio.to_thread.run_sync(warmup.run)
    except Exception:
        LOG.exception("warm-up failed; pages will say what is wrong")
    warmup.out_of_sight()
    gc.set_threshold(*COLLECT_AFTER)
    threading.Thread(target=warmup.keep_reading_ahead, name="read ahead", daemon=True).start()
    yield


def on_script_error(error: Exception) -> bool:
    """Errors in callbacks, which the page's own guard cannot see; no traceback reaches the reader."""
    from ui import frame

    frame.report(error)
    return True


app = st.App(
    ROOT / "app.py",
    lifespan=lifespan,
    routes=[Route("/geo/{key}/{level}.geojson", boundaries)],
    middleware=[Middleware(LoopbackOnly)],
    on_script_error=on_script_error,
)
