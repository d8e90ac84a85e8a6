"""The C library, typed: open models, sessions and the sampler (runtime/include/lutwerk/lutwerk.h).

Objects own what they map: :meth:`Model.close` and :meth:`Session.close` give it back, and using a
closed object is an error, never a crash. Sessions of one model are independent; one session serves
one caller at a time.
"""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lutwerk.defs import OPS
from lutwerk.errors import BundleError, LutwerkError
from lutwerk.graph import F32
from lutwerk.huge_pages import advise, hold_file, map_file
from lutwerk.model_file import NONE
from lutwerk.native_status import c_text, ffi, lib, status_error
from lutwerk.native_types import HeadStats, ModelInfo, Profile, TensorInfo

Ids = NDArray[np.uint32]

#: Most threads of a session (lw_session_options).
MAX_THREADS = 256
#: Names of the instruction sets, in the order of their numbers.
ISAS: tuple[str, ...] = tuple(c_text(lib.lw_isa_name(i)) for i in range(lib.LW_ISA_COUNT))


def included(isa: int) -> tuple[str, ...]:
    """Names of the instruction sets that ``isa`` includes, lowest first."""
    return tuple(name for other, name in enumerate(ISAS) if lib.lw_isa_includes(isa, other))


def best_isa() -> int:
    """The instruction set to run: this processor's best, or what LUTWERK_ISA lowers it to.

    Raises:
        LutwerkError: LUTWERK_ISA is no name in :data:`ISAS`, or is above this processor.
    """
    best = int(lib.lw_cpu_isa())
    name = os.environ.get("LUTWERK_ISA", "")
    if not name:
        return best
    here = included(best)
    accepted = ", ".join(here)
    if name not in ISAS:
        raise LutwerkError(f"LUTWERK_ISA is {name!r}; accepted on this processor: {accepted}")
    if name not in here:
        raise LutwerkError(
            f"LUTWERK_ISA is {name!r}, which this processor lacks; accepted here: {accepted}"
        )
    return ISAS.index(name)


def runs_here(model: Model) -> bool:
    """Whether this processor has the instruction set that the model was compiled for."""
    return bool(lib.lw_isa_includes(lib.lw_cpu_isa(), model.info.isa))


def default_threads() -> int:
    """One thread for each processor that this process may use."""
    return min(int(lib.lw_cpu_count()), MAX_THREADS)


class Model:
    """An open model.lw.

    Args:
        path: the file.
        check_weights: also compare the checksum of all weights.
        resident: copy the file into huge pages, from which weights are read faster, if it is large
            and there is room; otherwise, and without it, the file is mapped.

    Raises:
        BundleError: the file cannot be read, or validation found a fault; ``.status`` names it.
    """

    def __init__(self, path: Path, *, check_weights: bool = False, resident: bool = False):
        self.path = path
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size == 0:
                    raise status_error(str(path), lib.LW_ERR_TRUNCATED)
                self._map = (hold_file if resident else map_file)(file, size)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
        self._data = ffi.from_buffer(self._map)
        self._model = ffi.new("lw_model *")
        detail = ffi.new("uint32_t *", NONE)
        code = lib.lw_model_open(
            self._data, len(self._map), int(check_weights), self._model, detail
        )
        if code != lib.LW_OK:
            self.close()
            raise status_error(str(path), code, detail[0])
        fields = ffi.new("lw_model_info *")
        lib.lw_model_get_info(self._model, fields)
        values = {name: int(getattr(fields, name)) for name in ModelInfo.__dataclass_fields__}
        bos = values.pop("bos")
        self.info = ModelInfo(**values, bos=None if bos == NONE else bos)

    @property
    def handle(self) -> Any:
        """The C model, for calls into the library."""
        if self._map.closed:
            raise BundleError(f"{self.path}: the model is closed; load the bundle again")
        return self._model

    def tensors(self) -> list[TensorInfo]:
        """All tensors in the order of the file."""
        found = []
        record = ffi.new("lw_tensor_info *")
        for index in range(self.info.tensors):
            self._check(lib.lw_model_get_tensor(self.handle, index, record))
            found.append(
                TensorInfo(
                    ffi.unpack(record.name, record.name_bytes).decode(),
                    record.rows,
                    record.cols,
                    c_text(record.format_name),
                    c_text(record.layout_name),
                    record.bytes,
                )
            )
        return found

    @property
    def has_two_stage_head(self) -> bool:
        """Whether :meth:`Session.eval_top` can do with less than the full head."""
        return any(t.layout == "split" and t.rows == self.info.vocab for t in self.tensors())

    def kernel(self, index: int, isa: int, tokens: int) -> str:
        """Name of the kernel for so many tokens; empty for a tensor that no kernel multiplies."""
        name = ffi.new("const char **")
        self._check(lib.lw_model_get_kernel(self.handle, index, isa, tokens, name))
        return c_text(name[0])

    def workspace_bytes(self, context: int = 0, threads: int = 1) -> int:
        """Bytes that a session needs; a context of 0 is the model's greatest."""
        size = ffi.new("size_t *")
        options = _options(context, threads, best_isa(), pin=False)
        self._check(lib.lw_session_bytes(self.handle, options, size))
        return int(size[0])

    def adopt(self, session: Session) -> None:
        """Close ``session`` before the mapping goes."""
        self._sessions.add(session)

    def close(self) -> None:
        """Close all sessions and give the memory back."""
        for session in list(self._sessions):
            session.close()
        ffi.release(self._data)
        self._map.close()

    def _check(self, code: int) -> None:
        if code != lib.LW_OK:
            raise status_error(str(self.path), code)


def _options(context: int, threads: int, isa: int, *, pin: bool) -> Any:
    return ffi.new("lw_session_options *", [context, threads, isa + 1, int(pin)])


def token_ids(tokens: Sequence[int] | Ids, vocab: int) -> Ids:
    """Tokens as uint32 ``[count]``. Raises BundleError for an empty list or an id outside ``0..vocab-1``."""
    ids = np.asarray(tokens)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        raise BundleError("tokens must be a list of one or more integers", "ERR_ARGUMENT")
    bad = ids[(ids < 0) | (ids >= vocab)]
    if bad.size:
        raise BundleError(
            f"token id {bad[0]} is outside the vocabulary; accepted: 0 to {vocab - 1}", "ERR_TOKEN"
        )
    return np.ascontiguousarray(ids, np.uint32)


class Session:
    """A context of tokens and the threads that extend it.

    Args:
        model: an open model, which closes its sessions when it is closed.
        context: positions of the KV cache; the model's greatest by default.
        threads: 1 to 256.
        pin: pin thread i to the i-th processor that this process may use.
        isa_limit: name of the highest instruction set to run; by default :func:`best_isa` decides.

    Raises:
        BundleError: an option is out of range, the processor does not fit the bundle, or memory is
            short.
    """

    def __init__(
        self,
        model: Model,
        *,
        context: int | None = None,
        threads: int = 1,
        pin: bool = False,
        isa_limit: str | None = None,
    ):
        limit = model.info.max_context
        if context is not None and not 1 <= context <= limit:
            raise BundleError(
                f"context is {context}; this model accepts 1 to {limit}", "ERR_ARGUMENT"
            )
        if not 1 <= threads <= MAX_THREADS:
            raise BundleError(f"threads is {threads}; accepted: 1 to {MAX_THREADS}", "ERR_ARGUMENT")
        if isa_limit is not None and isa_limit not in ISAS:
            raise BundleError(
                f"isa_limit is {isa_limit!r}; accepted: {', '.join(ISAS)}", "ERR_ARGUMENT"
            )
        self.model = model
        self.context = context or limit
        self.threads = threads
        isa = best_isa()
        if isa_limit is not None and isa_limit in included(isa):
            isa = ISAS.index(isa_limit)
        size = model.workspace_bytes(self.context, threads)
        try:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            raise BundleError(
                f"{model.path}: {size} bytes for a context of {self.context} tokens are not "
                "available; give a smaller context",
                "ERR_WORKSPACE",
            ) from error
        advise(memory)
        workspace = ffi.from_buffer(memory, require_writable=True)
        handle = ffi.new("lw_session **")
        options = _options(self.context, threads, isa, pin=pin)
        code = lib.lw_session_start(model.handle, options, workspace, size, handle)
        if code != lib.LW_OK:
            raise status_error(str(model.path), code)
        self._handle = handle[0]
        self._lock = threading.Lock()
        # Threads that outlive their workspace would crash the process: stop them even if nobody
        # calls close().
        self._stop = weakref.finalize(self, _stop_session, self._handle, workspace, memory, model)
        model.adopt(self)

    @property
    def isa(self) -> str:
        """Name of the instruction set that runs."""
        return ISAS[int(lib.lw_session_isa(self._open()))]

    @property
    def length(self) -> int:
        """Tokens in the context."""
        return int(lib.lw_session_length(self._open()))

    def eval(self, tokens: Sequence[int] | Ids, rows: int = 1) -> F32:
        """Append tokens to the context. Returns logits float32 ``[rows, vocab]`` of the last ``rows`` of them.

        Raises:
            BundleError: an id is outside the vocabulary, or the context would overflow; nothing was
                evaluated.
        """
        ids = token_ids(tokens, self.model.info.vocab)
        if not 0 <= rows <= ids.size:
            raise BundleError(f"rows is {rows}; accepted: 0 to {ids.size}", "ERR_ARGUMENT")
        logits = np.empty((rows, self.model.info.vocab), np.float32)
        out = ffi.from_buffer("float[]", logits) if rows else ffi.NULL
        with self._lock:
            code = lib.lw_eval(
                self._open(), ffi.from_buffer("uint32_t[]", ids), ids.size, out, rows
            )
        if code != lib.LW_OK:
            raise status_error(str(self.model.path), code)
        return logits

    def eval_top(self, tokens: Sequence[int] | Ids, top: int) -> F32:
        """Append tokens to the context. Returns float32 ``[vocab]``: the logits of the last one that can matter.

        The ``top`` greatest logits (of equal ones those of the lowest ids) are what :meth:`eval` gives, bit for bit;
        others may be minus infinity. With a two-stage head this reads about half of its bytes, and a logit is missing
        with a probability below 1e-12 (docs/two-stage-head.md). All logits are exact for ``top`` 0 and for a model
        without a two-stage head.

        Raises:
            BundleError: an id is outside the vocabulary, or the context would overflow; nothing was
                evaluated.
        """
        ids = token_ids(tokens, self.model.info.vocab)
        if top < 0:
            raise BundleError(f"top is {top}; accepted: 0 and above", "ERR_ARGUMENT")
        logits = np.empty(self.model.info.vocab, np.float32)
        with self._lock:
            code = lib.lw_eval_top(
                self._open(),
                ffi.from_buffer("uint32_t[]", ids),
                ids.size,
                min(top, self.model.info.vocab),
                ffi.from_buffer("float[]", logits),
            )
        if code != lib.LW_OK:
            raise status_error(str(self.model.path), code)
        return logits

    def head_stats(self) -> HeadStats:
        """What :meth:`eval_top` has done since the session began."""
        stats = ffi.new("lw_head_stats *")
        with self._lock:
            lib.lw_session_head_stats(self._open(), stats)
        return HeadStats(stats.tokens, stats.full, stats.survivors, stats.candidates)

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on; nothing happens when there are fewer."""
        if not 0 <= length <= self.context:
            raise BundleError(f"length is {length}; accepted: 0 to {self.context}", "ERR_ARGUMENT")
        with self._lock:
            lib.lw_session_truncate(self._open(), length)

    def measure_product(self, tensor: int, logits: F32, repetitions: int) -> float:
        """Seconds of one product by a matrix like ``tensor``; lutwerk.h, ``lw_measure_product``, says more.

        ``logits`` is float32 ``[tokens, vocab]``; it says for how many tokens, and may be written.

        Raises:
            BundleError: the model does not multiply by the tensor, or the tokens exceed its chunk.
        """
        out = ffi.from_buffer("float[]", logits)
        return self._timed(lib.lw_measure_product, tensor, len(logits), repetitions, out)

    def measure_head(
        self, logits: F32, top: int, repetitions: int, *, estimates: bool = False
    ) -> float:
        """Seconds of a two-stage head, or of its first stage; lutwerk.h, ``lw_measure_head``, says more."""
        out = ffi.from_buffer("float[]", logits)
        return self._timed(lib.lw_measure_head, top, estimates, repetitions, out)

    @contextmanager
    def profile(self) -> Iterator[Profile]:
        """Measure what evaluations within the block spend their time on; known when it ends. Blocks do not nest."""
        measured, found = ffi.new("lw_profile *"), Profile()
        with self._lock:
            lib.lw_session_profile(self._open(), measured)
        try:
            yield found
        finally:
            with self._lock:
                if self._stop.alive:
                    lib.lw_session_profile(self._handle, ffi.NULL)
            apart = ("waiting", "redone", "tables")
            kinds = {name: getattr(lib, f"LW_PROFILE_{name.upper()}") for name in apart} | OPS
            found.seconds.update({name: 1e-9 * measured.ns[kind] for name, kind in kinds.items()})
            found.counts.update({name: int(measured.count[kind]) for name, kind in kinds.items()})

    def _timed(self, measure: Any, *arguments: Any) -> float:
        seconds = ffi.new("double *")
        with self._lock:
            code = measure(self._open(), *arguments, seconds)
        if code != lib.LW_OK:
            raise status_error(str(self.model.path), code)
        return float(seconds[0])

    def close(self) -> None:
        """Stop the threads and free the workspace."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Any:
        if not self._stop.alive:
            raise BundleError(f"{self.model.path}: the session is closed; load the bundle again")
        return self._handle


def _stop_session(handle: Any, workspace: Any, memory: mmap.mmap, model: Model) -> None:
    """Stop a session's threads, then free its workspace; ``model`` is held so that its mapping outlives them."""
    lib.lw_session_stop(handle)
    ffi.release(workspace)
    memory.close()
