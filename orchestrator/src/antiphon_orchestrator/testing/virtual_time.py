"""An event loop whose time only passes while everybody sleeps: an hour of silence takes a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For tests without real input or output."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        """What runs in threads takes no time at all."""
        done: asyncio.Future[_T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def jump(self, by_s: float) -> None:
        self._now_s += by_s


class _JumpingSelector(selectors.DefaultSelector):
    """Where the loop would wait for its next timer, time jumps there instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else: nothing will ever happen any more")
        self._loop.jump(timeout)
        return []


def run_virtually(work: Coroutine[Any, Any, _T]) -> _T:
    """Runs it to its end, in virtual time; leftover tasks are an error."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_alone(work))


def virtually(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Makes a test of a coroutine: it runs in virtual time."""

    @wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        run_virtually(test(*args, **kwargs))

    return run


async def _alone(work: Coroutine[Any, Any, _T]) -> _T:
    result = await work
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        raise AssertionError(f"{len(left)} tasks were left behind: {sorted(map(repr, left))}")
    return result


def stand_still(for_s: float) -> None:
    """As if the process had been stopped for so long: everything due meanwhile is late."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.jump(for_s)


def clock_ms() -> int:
    """The running loop's time."""
    return round(asyncio.get_running_loop().time() * 1000)
