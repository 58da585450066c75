"""Background work: in order, logged where it fails, and gone when Digit Lab ends."""

import threading
import time
from concurrent.futures import CancelledError
from functools import partial

import pytest

from core.errors import WrongStateError
from core.service.background import BackgroundTasks
from tests.support import SECONDS, WaitUntil


def test_tasks_of_a_queue_run_in_order_and_other_queues_beside_them() -> None:
    tasks = BackgroundTasks()
    held = threading.Event()
    done: list[str] = []
    first = tasks.submit("a", lambda: held.wait(SECONDS))
    second = tasks.submit("a", lambda: done.append("a"))

    tasks.submit("b", lambda: done.append("b")).result(SECONDS)
    assert not second.done()
    held.set()

    assert first.result(SECONDS) is True
    second.result(SECONDS)
    assert done == ["b", "a"]


def test_a_queue_has_no_thread_while_nothing_waits(wait_until: WaitUntil) -> None:
    """Its OpenMP threads would slow down training."""
    tasks = BackgroundTasks()
    for _ in range(2):
        tasks.submit("a queue", lambda: None).result(SECONDS)
        wait_until(lambda: "a queue" not in [thread.name for thread in threading.enumerate()])


def test_each_task_runs_once_however_soon_after_the_last_it_comes() -> None:
    tasks = BackgroundTasks()
    done: list[int] = []
    for number in range(1000):
        tasks.submit("a", partial(done.append, number)).result(SECONDS)
    assert done == [*range(1000)]


def test_a_failure_is_in_the_future_or_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    tasks = BackgroundTasks()

    def fail() -> None:
        raise ZeroDivisionError

    tasks.run("a", "Dividing", fail)
    with pytest.raises(ZeroDivisionError):
        tasks.submit("a", fail).result(SECONDS)

    assert [record.message for record in caplog.records] == ["Dividing failed"]


def test_the_end_drops_what_waits_and_refuses_what_comes() -> None:
    tasks = BackgroundTasks()
    begun = threading.Event()

    def until_told() -> None:
        begun.set()
        while not tasks.should_stop():
            time.sleep(0.001)

    running = tasks.submit("a", until_told)
    waiting = tasks.submit("a", lambda: None)
    assert begun.wait(SECONDS)

    tasks.stop()
    tasks.join(SECONDS)

    assert running.done()
    with pytest.raises(CancelledError):
        waiting.result(SECONDS)
    with pytest.raises(WrongStateError):
        tasks.submit("new", lambda: None)
    tasks.run("new", "Nothing", lambda: pytest.fail("this must not run"))


def test_the_end_does_not_wait_for_what_hangs() -> None:
    tasks = BackgroundTasks()
    begun, held = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        held.wait(SECONDS)

    hanging = tasks.submit("a", hang)
    assert begun.wait(SECONDS)

    tasks.stop()
    tasks.join(0.01)

    assert not hanging.done()
    held.set()
    hanging.result(SECONDS)
