from __future__ import annotations

import pytest

from twisted_hoop.shell.names import NAME, is_special


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "path", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "ENV", "IFS", "HOME",
        "CDPATH", "GIT_SSH_COMMAND", "GIT_PAGER", "PAGER", "MANPAGER_PAGER", "EDITOR", "VISUAL", "PYTHONPATH",
        "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "PS4", "PROMPT_COMMAND", "SHELLOPTS",
        "BASHOPTS", "RSYNC_RSH", "TAR_OPTIONS", "LESSOPEN", "ZDOTDIR", "SSH_ASKPASS", "JAVA_TOOL_OPTIONS",
        "MAKEFLAGS", "BASH_FUNC_ls%%", "a-b", "", "GCONV_PATH",
    ],
)  # fmt: skip
def test_variables_that_programs_obey(name: str) -> None:
    """S18."""
    assert is_special(name)


@pytest.mark.parametrize(
    "name",
    ["LANG", "LC_ALL", "TZ", "DEBIAN_FRONTEND", "FOO", "x", "i", "USER_NAME", "PORT", "HOST", "app_env", "COLUMNS"],
)
def test_variables_that_are_only_data(name: str) -> None:
    assert not is_special(name) and NAME.fullmatch(name)
