"""Cache of compiled kernels on disk; a kernel whose file is missing or damaged is compiled again.

Numba's own cache keeps an index beside the code. A truncated file breaks every later run, two processes that save at
once can exchange their entries, and an edit in a jitted callee of another file goes unnoticed. Here every kernel
and signature has one file, which begins with the hash of its content; the folder is named by a hash of all kernel
sources and by the machine, whose processes share it: equal code is written by several at worst.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import re
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

logger = logging.getLogger("moire")

_DIGEST_SIZE = hashlib.sha256().digest_size


def cache_directory() -> Path | None:
    """Directory of the compiled kernels of this machine; None if it cannot be written."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    host = re.sub(r"[^\w.-]", "_", socket.gethostname()) or "unnamed"
    try:
        user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        home = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(user_cache) / "moire").absolute()
        directory = home / f"kernels-{digest.hexdigest()[:12]}" / f"host-{host}"
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except (OSError, RuntimeError):  # no home, or one that cannot be written
        return None


class KernelCache(NullCache):
    """Cache of one kernel with the interface that numba requires.

    Parameters
    ----------
    function
        The kernel.
    options
        Compilation options: variants of one kernel have separate files.
    directory
        Directory of its files.
    """

    def __init__(self, function: Callable[..., Any], options: str, directory: Path) -> None:
        self._stem = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._options = options
        self._directory = directory

    @property
    def cache_path(self) -> str:
        """The directory."""
        return str(self._directory)

    def _file(self, signature: Any, codegen: Any) -> Path:
        key = f"{signature} {codegen.magic_tuple()} {self._options}"
        return self._directory / f"{self._stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any | None:
        """Return the compiled kernel; None if its file is missing or damaged."""
        try:
            target_context.refresh()
            content = self._file(sig, target_context.codegen()).read_bytes()
            digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
            if hashlib.sha256(payload).digest() != digest:
                logger.debug("%s is compiled again: its file in %s is damaged.", self._stem, self._directory)
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except FileNotFoundError:
            return None
        except Exception as error:  # of any kind: compiling again gives the same code
            logger.debug("%s is compiled again: %s: %s", self._stem, type(error).__name__, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled kernel under a temporary name and move it into place."""
        try:
            if data.library.has_dynamic_globals or not all(lifted.can_cache for lifted in data.lifted):
                return  # code that holds addresses of this process
            payload = dumps(data._reduce())
            self._directory.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._directory, prefix=f".{self._stem}-", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(payload).digest() + payload)
                Path(temporary).replace(self._file(sig, data.codegen))
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise
        except Exception as error:
            logger.debug("%s is compiled but not saved: %s: %s", self._stem, type(error).__name__, error)
