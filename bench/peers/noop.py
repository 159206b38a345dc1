"""A Starlette route that does nothing, under uvicorn as the gateway has it: the limit of the stack.

    python -m bench.peers.noop PORT

Nothing of ours stands around it: stock protocol, no middleware, a frozen heap.
"""

import gc
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def noop(_request: Request) -> Response:
    return Response(b'{"code":1001}', media_type="application/json")


app = Starlette(routes=[Route("/noop", noop, methods=["POST"])])


def main() -> None:
    gc.freeze()
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
