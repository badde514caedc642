"""Programs that the play starts.

Invariant: each ends with the play, however the play ends, and Ctrl-C reaches the play alone.
"""

import asyncio
import os
import signal
import subprocess
from contextlib import asynccontextmanager

from maya_sim.parent import kill_me_with_parent

POLITE = 5.0


@asynccontextmanager
async def started(*command, env, log):
    """The running program, its standard output a stream; errors go to the file `log`."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *[str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=env,
            start_new_session=True,
            preexec_fn=kill_me_with_parent,
        )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


async def _end(process):
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), POLITE)
        except TimeoutError:
            process.kill()
    await process.wait()


async def answer_of(*command, env, deadline=20.0):
    """(exit code, standard output, standard error) of a program that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *[str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        preexec_fn=kill_me_with_parent,
    )
    try:
        said, complained = await asyncio.wait_for(process.communicate(), deadline)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode, said.decode(), complained.decode().strip()


def last_lines(log, count=15):
    if not os.path.exists(log):
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
