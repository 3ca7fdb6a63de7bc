"""Ctrl-C, heard whoever handles it: Dagster takes the handler, and between two steps it forgets what it heard."""

import signal
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Self


class Interrupts:
    """Hears SIGINT and SIGTERM while it is entered. In the main thread only."""

    def __enter__(self) -> Self:
        """Begin to listen: beside every handler, Python writes the number of each signal here."""
        with ExitStack() as stack:
            self._heard, self._told = map(stack.enter_context, socket.socketpair())
            self._heard.setblocking(False)
            self._told.setblocking(False)
            self._before = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
            self._sockets = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(self._before)
        self._sockets.close()

    def raise_if_heard(self) -> None:
        """Raise KeyboardInterrupt if somebody wanted this process to stop."""
        try:
            heard = self._heard.recv(4096)
        except BlockingIOError:
            return
        if signal.SIGINT in heard or signal.SIGTERM in heard:
            raise KeyboardInterrupt
