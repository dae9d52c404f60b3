"""Processes that are measured: their CPU and memory as the kernel counts them (proc(5))."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def free_port() -> int:
    """A TCP port of loopback nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Measured:
    """A process of ours and what it costs."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: str = "/") -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        self.pid = self._process.pid

    def wait_for(self, port: int, seconds: float = 30.0) -> None:
        """Until something listens there; RuntimeError with the log when the process ends instead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"nothing listens on {port}: {self._log.read_text()[-2000:]}")

    def cpu(self) -> float:
        """Seconds of CPU so far, all threads; nanosecond counts of the scheduler."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int(path.read_text().split()[0]) for path in tasks.glob("*/schedstat")) / 1e9

    def reset_peak(self) -> None:
        """Let the peak start again from what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """Peak resident memory in MiB."""
        return self._status("VmHWM") / 1024

    def resident_kb(self) -> float:
        """Resident memory in KiB."""
        return self._status("VmRSS")

    def _status(self, key: str) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return float(line.split()[1])
        raise KeyError(key)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
