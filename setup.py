"""Compiles the hot path with mypyc where a C compiler is at hand; the same sources run interpreted otherwise.

HOOP_COMPILE=0 leaves it out, HOOP_COMPILE=1 makes its failure an error.
"""

import os
import shutil

from setuptools import Extension, setup

POSTGRES = (
    "asking binding client_side effects entries hiding kept knowledge letters messages plan reading registry relay"
    " renames rows state target_side wire"
)
MASKING = "cards detectors fields jsonstreams members patterns spans strategies streams textblocks validators"
HTTP = (
    "answering client_end connection ends entries exchange framing joining looking mediatypes messages pool reading"
    " recording routing session sharing writing"
)
AGENT = "memory_tls pump stream"
SSH = "bare channel ciphers connection events fields"
KUBERNETES = "bodies dialect documents items kinds lists objects pointers requests scanning sentinels"
RECORDING = "encoding recording sealing segments timing writer"
MODULES = [
    *(f"twisted_hoop/agent/{name}.py" for name in AGENT.split()),
    *(f"twisted_hoop/http/{name}.py" for name in HTTP.split()),
    *(f"twisted_hoop/kubernetes/{name}.py" for name in KUBERNETES.split()),
    *(f"twisted_hoop/masking/{name}.py" for name in MASKING.split()),
    *(f"twisted_hoop/postgres/{name}.py" for name in POSTGRES.split()),
    *(f"twisted_hoop/{name}.py" for name in ("model", "steps", "gate", "bridge")),
    "twisted_hoop/policy/rules.py",
    "twisted_hoop/gateway/policies.py",
    "twisted_hoop/observability/counting.py",
    "twisted_hoop/sql/statements.py",
    *(f"twisted_hoop/ssh/{name}.py" for name in SSH.split()),
    *(f"twisted_hoop/transport/{name}.py" for name in ("dispatch", "outbox", "socket", "stream", "wire")),
    *(f"twisted_hoop/recording/{name}.py" for name in RECORDING.split()),
]
"""What runs for every command. They call each other natively when they are compiled together."""


def extensions() -> list[Extension]:
    wish = os.environ.get("HOOP_COMPILE", "")
    if wish == "0" or (wish != "1" and not any(map(shutil.which, ("cc", "gcc", "clang")))):
        return []
    try:
        from mypyc.build import mypycify

        return mypycify(["--config-file=mypyc.ini", *MODULES], opt_level="2")
    except (Exception, SystemExit) as error:  # whatever goes wrong, the interpreted modules work
        if wish == "1":
            raise
        print(f"the hot path stays interpreted: {error}")
        return []


def optional(found: list[Extension]) -> list[Extension]:
    for extension in found:
        extension.optional = os.environ.get("HOOP_COMPILE") != "1"
    return found


setup(ext_modules=optional(extensions()))
