# SPDX-License-Identifier: Apache-2.0
"""A crowd of clients that go on until they are told to stop, and know of every request that went wrong.

Half of them keep their connection for `trips` requests, or for ever; half open a connection for each request.
"""

import asyncio
import threading
import time

from rig import PATIENCE

QUESTION = b"0123456789abcdef" * 16
PAUSE = 0.02  # between two requests of a client: many clients, not much load


class Crowd:
    def __init__(self, port, clients, trips=None):
        self.port, self.clients, self.trips = port, clients, trips
        self.requests, self.connections, self.wrong = 0, 0, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(2 * PATIENCE)
        if self._thread.is_alive():
            self.wrong.append("a client hangs")

    async def _all(self):
        keep = self.clients // 2
        await asyncio.gather(*(self._client(i, i < keep) for i in range(self.clients)))

    async def _client(self, number, keeps):
        await asyncio.sleep(PAUSE * number / self.clients)
        while not self._over.is_set():
            asked = 0
            began = time.monotonic()
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), PATIENCE)
                self.connections += 1
                while True:
                    writer.write(QUESTION)
                    answer = await asyncio.wait_for(reader.readexactly(len(QUESTION)), PATIENCE)
                    assert answer == QUESTION, "another answer than the question"
                    asked += 1
                    self.requests += 1
                    await asyncio.sleep(PAUSE)
                    if self._over.is_set() or not keeps or asked == self.trips:
                        break
                writer.close()
                await writer.wait_closed()
            except (OSError, AssertionError, EOFError, TimeoutError) as error:
                kind = "kept" if keeps else "short"
                took = time.monotonic() - began
                self.wrong.append(f"{kind} client {number}, {asked} answers, {took:.3f} s: {error!r}")
                return
