"""What arrived and when, for whoever waits for it.

Invariant: something that arrived before anybody waited for it is found as well.
"""

import asyncio
import time


class Inbox:
    def __init__(self):
        self.items = []
        self._waiting = []

    def put(self, item):
        arrived = (time.monotonic(), item)
        self.items.append(arrived)
        for waiting in list(self._waiting):
            waiting(arrived)

    async def calm(self, quiet=0.6):
        """Until nothing has arrived for so long."""
        while True:
            try:
                await self.first(lambda _: True, since=time.monotonic(), deadline=quiet)
            except TimeoutError:
                return

    async def first(self, fits, since=0.0, deadline=20.0):
        """(when, item) of the first one since then for which `fits(item)` is true."""
        for when, item in self.items:
            if when >= since and fits(item):
                return when, item
        found = asyncio.get_running_loop().create_future()

        def look(arrived):
            if not found.done() and fits(arrived[1]):
                found.set_result(arrived)

        self._waiting.append(look)
        try:
            return await asyncio.wait_for(found, deadline)
        except TimeoutError:
            later = [item for when, item in self.items if when >= since]
            raise TimeoutError(f"not within {deadline:.0f} s; what came is {later}") from None
        finally:
            self._waiting.remove(look)
