"""What a signal that is to end samefit does to the processes that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import FrameType

from samefit.errors import Terminated
from samefit.launch.process import Child

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def handed_on(
    children: Callable[[], Iterable[Child]], *, as_their_own: bool = False
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """While this holds, what asks samefit to end asks its processes to end, too: no training is left behind.

    A batch system, a container or `timeout` signals the process that it has started, and that one alone; a terminal
    signals all of them by itself. Signals that somebody else handles or ignores (`nohup`) are left alone; so are all
    outside of the main thread, where Python lets nobody handle any.

    Args:
        children: Returns the processes that run now.
        as_their_own: Whether samefit is nothing but the wrapper of a process: it ends when that does, which may catch
            the signal; so it is with an interrupt, which both get if it comes from the keyboard. Otherwise
            `Terminated` is raised.

    Yields:
        What to start a process in, `with held():`. A signal that comes meanwhile waits until the process is known.
    """
    waiting: list[int] = []
    holds = started = False

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        nonlocal holds, started
        holds = True
        try:
            yield
        finally:
            holds = False
        started = True
        while waiting:
            hand_on(waiting.pop(0), None)

    def hand_on(number: int, frame: FrameType | None) -> None:
        if holds:
            waiting.append(number)
            return
        for child in children():
            child.signal(number)
        if not (as_their_own and started):
            raise Terminated(number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not _has_the_keyboard():
            hand_on(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    wanted = [(number, signal.SIG_DFL, hand_on) for number in _ENDING]
    keyboard = (signal.SIGINT, signal.default_int_handler, interrupt)
    with contextlib.ExitStack() as restoring:
        for number, default, handler in [*wanted, keyboard] if as_their_own else wanted:
            if signal.getsignal(number) == default:
                restoring.callback(signal.signal, number, default)
                signal.signal(number, handler)
        yield held


def _has_the_keyboard() -> bool:
    """Whether the terminal sends an interrupt from its keyboard to this process, and so to those that it started."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
