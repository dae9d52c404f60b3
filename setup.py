"""Compiles the byte loops with mypyc where a C compiler is at hand; the same sources run interpreted otherwise.

HOOP_COMPILE=0 leaves it out, HOOP_COMPILE=1 makes its failure an error.
"""

import os
import shutil

from setuptools import Extension, setup

MODULES = ["twisted_hoop/postgres/wire.py"]


def extensions() -> list[Extension]:
    wish = os.environ.get("HOOP_COMPILE", "")
    if wish == "0" or (wish != "1" and not any(map(shutil.which, ("cc", "gcc", "clang")))):
        return []
    try:
        from mypyc.build import mypycify

        return mypycify(["--config-file=", *MODULES], opt_level="3")
    except (Exception, SystemExit) as error:  # whatever goes wrong, the interpreted modules work
        if wish == "1":
            raise
        print(f"the byte loops stay interpreted: {error}")
        return []


def optional(found: list[Extension]) -> list[Extension]:
    for extension in found:
        extension.optional = os.environ.get("HOOP_COMPILE") != "1"
    return found


setup(ext_modules=optional(extensions()))
