import os
import signal

import pytest

from pipelines.cli.interrupts import Interrupts


def test_an_interrupt_that_a_handler_forgets_is_heard_all_the_same() -> None:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with Interrupts() as interrupts:
            interrupts.raise_if_heard()
            os.kill(os.getpid(), signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                interrupts.raise_if_heard()
            interrupts.raise_if_heard()
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGINT, before)
