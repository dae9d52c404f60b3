"""A replay in this terminal: keys are read one by one while it plays, and the terminal is put right afterwards."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty

from twisted_hoop.recording.player import Player
from twisted_hoop.recording.terminal_text import RESET


def play_with_keys(player: Player) -> None:
    """Until the end of the recording, or `q`. Standard input and output are a terminal."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard, termios.TCSADRAIN)  # Ctrl-C is a key: the terminal must be put right first
    try:
        _write(player.begin())
        while not player.over:
            if select.select([keyboard], [], [], player.wait())[0]:
                typed = os.read(keyboard, 4096)
                player.over = player.over or not typed  # nobody is there any more
                _write(player.press(typed.decode("utf-8", "replace")))
            else:
                _write(player.advance())
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        _write(RESET + "\r\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
