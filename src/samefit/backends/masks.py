"""The masks of dropout in one pass, where llvmlite is installed: the words of `samefit.backends.threefry` by LLVM.

NumPy goes over them 110 times. This is compiled in memory when the first mask is drawn, in some tenths of a second.
numba takes longer to read from its cache what it has compiled before; and to write there, it takes entropy of the
operating system, which samefit watches.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from samefit.backends.threefry import PARITY, ROTATIONS, Key

Fill = Callable[[Key, int, int, npt.NDArray[np.bool_]], None]
"""Makes each element true where the upper 23 bits of its 32 lie below a bound: key, first element, bound, mask."""

_NAME = "kept"


@functools.cache
def compiled() -> Fill | None:
    """Returns the compiled function; None where llvmlite is not installed, or is older than 0.44."""
    try:
        from llvmlite import binding, ir
    except ImportError:
        return None
    if not hasattr(binding, "create_pass_builder"):
        return None
    return _Compiled(_engine(binding, str(_module(ir))))


class _Compiled:
    """A `Fill`. The machine code lives as long as its engine."""

    def __init__(self, engine: Any) -> None:
        word, number = ctypes.c_uint32, ctypes.c_uint64
        prototype = ctypes.CFUNCTYPE(None, word, word, word, number, number, ctypes.c_void_p)
        self._engine = engine
        self._function = prototype(engine.get_function_address(_NAME))

    def __call__(self, key: Key, start: int, bound: int, mask: npt.NDArray[np.bool_]) -> None:
        self._function(*key, bound, start, mask.size, mask.ctypes.data)


def _engine(llvm: Any, code: str) -> Any:
    """Returns what holds the machine code for this processor, with its vector instructions."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly(code)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _module(ir: Any) -> Any:
    """Returns the function as LLVM's code: one loop over the elements, the rounds written out."""
    word, number, byte = ir.IntType(32), ir.IntType(64), ir.IntType(8)
    module = ir.Module(_NAME)
    kind = ir.FunctionType(ir.VoidType(), [word, word, word, number, number, byte.as_pointer()])
    function = ir.Function(module, kind, _NAME)
    first, second, bound, start, count, mask = function.args
    entry, body, end = (function.append_basic_block(name) for name in ("entry", "body", "end"))

    build = ir.IRBuilder(entry)
    schedule = [first, second, build.xor(build.xor(first, second), word(PARITY))]
    build.cbranch(build.icmp_unsigned("==", count, number(0)), end, body)

    build.position_at_end(body)
    position = build.phi(number)
    element = build.add(start, position)
    high = build.trunc(build.lshr(element, number(32)), word)
    low = build.trunc(element, word)
    high, low = _encrypted(build, word, schedule, high, low)
    fraction = build.lshr(build.xor(high, low), word(9))
    build.store(build.zext(build.icmp_unsigned("<", fraction, bound), byte), build.gep(mask, [position]))
    following = build.add(position, number(1))
    build.cbranch(build.icmp_unsigned("==", following, count), end, body)
    position.add_incoming(number(0), entry)
    position.add_incoming(following, body)

    build.position_at_end(end)
    build.ret_void()
    return module


def _encrypted(build: Any, word: Any, schedule: list[Any], high: Any, low: Any) -> tuple[Any, Any]:
    """Encrypts two words, as `threefry.encrypted` does."""
    high, low = build.add(high, schedule[0]), build.add(low, schedule[1])
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            high = build.add(high, low)
            rotated = build.or_(build.shl(low, word(rotation)), build.lshr(low, word(32 - rotation)))
            low = build.xor(rotated, high)
        high = build.add(high, schedule[(group + 1) % 3])
        low = build.add(low, build.add(schedule[(group + 2) % 3], word(group + 1)))
    return high, low
