"""The first bytes of messages, as numbers: written out, mypyc puts them where they are used.

Both sides use some letters for different messages (protocol-message-formats).
"""

from __future__ import annotations

from typing import Final

# What a client sends.
QUERY: Final = 81  # Q
PARSE: Final = 80  # P
BIND: Final = 66  # B
DESCRIBE: Final = 68  # D
EXECUTE: Final = 69  # E
CLOSE: Final = 67  # C
SYNC: Final = 83  # S
FLUSH: Final = 72  # H
FUNCTION: Final = 70  # F
TERMINATE: Final = 88  # X
COPY_DATA: Final = 100  # d
COPY_DONE: Final = 99  # c
COPY_FAIL: Final = 102  # f

# What a target answers, as far as it is told apart by number.
BIND_COMPLETE: Final = 50  # 2
ROW_DESCRIPTION: Final = 84  # T
COMMAND_COMPLETE: Final = 67  # C
READY: Final = 90  # Z

IDLE: Final = 73
"""What ReadyForQuery says outside transactions: I."""
