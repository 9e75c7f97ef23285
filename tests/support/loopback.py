"""A server on loopback in a thread of its own: what the tests' servers share."""

import asyncio
import threading

from aiohttp import web


class Loopback:
    """Listens at `base`, up to and with `/v1`, from the moment it is made until `stop`.

    A subclass gives its routes in `app`, and in `forget` the state before anybody asked.
    """

    def __init__(self) -> None:
        self._loop, started = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        self.forget()

    def app(self) -> web.Application:
        """The routes."""
        raise NotImplementedError

    def forget(self) -> None:
        """As if nobody had asked yet."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self, started: threading.Event) -> None:
        self._loop.run_until_complete(self._listen())
        started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())

    async def _listen(self) -> None:
        self._runner = web.AppRunner(self.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
