"""Names of variables that change what commands do."""

from __future__ import annotations

import re

_SPECIAL = re.compile(
    r"(?i:PATH|FPATH|CDPATH|MANPATH|NODE_PATH|CLASSPATH|GCONV_PATH|LOCPATH|NLSPATH)"
    r"|(LD|DYLD|BASH|GIT|SSH|PYTHON|PERL|RUBY|GEM|BUNDLE|LUA|PHP|NODE|NPM_CONFIG|JAVA|JDK|MAVEN|GRADLE|RSYNC|TAR|ZIP|PIP"
    r"|MALLOC|GLIBC|LESS|ANSIBLE|DOCKER|KUBE|SUDO|SYSTEMD|AWK|GAWK|READLINE|GTK|QT|DEBUGINFOD)(_.*)?[A-Z0-9]*"
    r"|IFS|ENV|HOME|SHELL|SHELLOPTS|BASHOPTS|PS[0-9]|PROMPT_COMMAND|PAGER|.*_PAGER|.*EDITOR|VISUAL|BROWSER|ZDOTDIR"
    r"|NULLCMD|READNULLCMD|.*_OPTIONS|.*OPTS|.*FLAGS|TERMINFO.*|TERMCAP|INPUTRC|HISTFILE|OPENSSL_.*|.*_PRELOAD"
    r"|POSIXLY_CORRECT|.*ASKPASS|.*_COMMAND|.*_RSH|.*_SHELL|HOSTALIASES|RES_OPTIONS|GCC_.*|COMPILER_PATH|TMPPREFIX"
    r"|WORDCHARS|KEYTIMEOUT|FIGNORE|GLOBIGNORE|EXECIGNORE|OPTIND|OLDPWD|PWD|XDG_.*|CC|CXX|LD|AR|MAKE"
    r"|MANPAGER|MANOPT|FCEDIT|TEXEDIT|EXINIT|VIMINIT|MYVIMRC|WGETRC|PSQLRC|HGRCPATH|APT_CONFIG|RIPGREP_CONFIG_PATH"
    r"|(CURL|CARGO|R)_HOME|SVN_SSH|.*_WRAPPER|EMACSLOADPATH"
)
_VOLATILE = re.compile(
    r"_|BASH.*|RANDOM|SRANDOM|SECONDS|LINENO|HIST.*|EPOCH.*|E?UID|E?GID|PPID|GROUPS|DIRSTACK|FUNCNAME|PIPESTATUS|COMP_.*"
    r"|COPROC|OPTARG|OPTERR|MAPFILE|REPLY|LINES|COLUMNS|TTY.*|HOST|HOSTNAME|USERNAME|LOGNAME|MACHTYPE|OSTYPE|VENDOR|CPUTYPE"
    r"|ERRNO|TRY_BLOCK.*|M(ATCH|BEGIN|END)|match|mbegin|mend|ZSH.*|FUNCNEST|KEY.*|ARGC|argv|status|pipestatus|signals"
    r"|aliases|galiases|saliases|builtins|commands|functions|func.*|options|parameters|history|historywords|jobdirs"
    r"|jobtexts|jobstates|nameddirs|userdirs|usergroups|modules|dirstack|errnos|sysparams|mapfile|termcap|terminfo"
    r"|reswords|patchars|dis_.*|prompt|psvar|watch|fignore|mailpath|module_path|histchars|words|terminfo|langinfo|epochtime"
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_volatile(name: str) -> bool:
    """Whether some shell may give the variable another value than the one it is set to."""
    return _VOLATILE.fullmatch(name) is not None or is_special(name)


def is_special(name: str) -> bool:
    """Whether setting the variable may change which program runs, or what it does (S18)."""
    return _SPECIAL.fullmatch(name) is not None or NAME.fullmatch(name) is None
