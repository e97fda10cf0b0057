"""Start the released Argilla server in a folder of its own: SQLite, a private Redis, our search engine.

    .venv-argilla/bin/python tests/argilla_server/launch.py FOLDER [PORT]

Prints one line of JSON with the address when the server answers, and stops when its standard input closes, so
that it cannot outlive the tests. The owner's user name, password and key are the constants below.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

USER, PASSWORD, KEY = "owner", "owner-password", "owner.apikey"


@contextmanager
def private_redis(folder):
    """The server pings Redis at its start and queues jobs there. A socket file, no port."""
    address = folder / "r.sock"
    options = {"port": 0, "unixsocket": address, "save": "", "appendonly": "no", "dir": folder, "loglevel": "warning"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(500):
            if address.exists():
                break
            time.sleep(0.02)
        yield f"unix://{address}"
    finally:
        process.terminate()
        process.wait(10)


def make_database():
    """What `argilla_server database migrate` does, in this process: to import the server takes many seconds."""
    from alembic.config import main
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    with redirect_stdout(sys.stderr):
        main(["-c", ALEMBIC_CONFIG_FILE, "upgrade", "head"])


async def create_owner():
    from argilla_server.contexts import accounts
    from argilla_server.database import AsyncSessionLocal, async_engine
    from argilla_server.models import User, UserRole

    async with AsyncSessionLocal() as session:
        if await accounts.get_user_by_username(session, USER) is None:
            secret = accounts.hash_password(PASSWORD)
            await User.create(
                session, first_name="Owner", username=USER, role=UserRole.owner, password_hash=secret, api_key=KEY
            )
    # connections belong to this event loop, and the server runs in another one
    await async_engine.dispose()


def serve(port):
    import uvicorn
    from argilla_server import app

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    def watch():
        while not server.started:
            time.sleep(0.02)
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "api_key": KEY}), flush=True)
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    server.run(sockets=[listener])


def main(folder, port="0"):
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # uvicorn raises the signal again after its shutdown: as an exception it lets the block below end Redis
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with private_redis(folder) as redis:
        # read at import, so set before the first import of argilla_server
        os.environ |= {
            "ARGILLA_HOME_PATH": str(folder),
            "ARGILLA_REDIS_URL": redis,
            "ARGILLA_SEARCH_ENGINE": "database",
            "ARGILLA_AUTH_SECRET_KEY": "the same after a restart, so that tokens stay valid",
            "ARGILLA_DATABASE_SQLITE_TIMEOUT": "30",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        import engine  # noqa: F401  registers itself

        if not (folder / "argilla.db").exists():
            make_database()
            asyncio.run(create_owner())
        serve(int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
