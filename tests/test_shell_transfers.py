from __future__ import annotations

import pytest

from tests.support.shell import doubts, found
from twisted_hoop.shell.reading import Transfer
from twisted_hoop.shell.transfers import transfer_of
from twisted_hoop.shell.values import Value


@pytest.mark.parametrize(
    ("text", "transfer"),
    [
        ("scp -t /x", Transfer("scp", "upload", ("/x",))),
        ("scp -rpf x", Transfer("scp", "download", ("x",))),
        ("scp -v -d -t -- -x", Transfer("scp", "upload", ("-x",))),
        ("scp -tf x", Transfer("scp", "both", ("x",))),
        ("scp a b:c", None),
        ("rsync --server -a . x", Transfer("rsync", "upload", ("x",))),
        ("rsync --server --sender -a . x y", Transfer("rsync", "download", ("x", "y"))),
        ("rsync -a x y", None),
        ("sftp-server -l INFO", Transfer("sftp-server", "both")),
        ("git-upload-pack x", Transfer("git-upload-pack", "download", ("x",))),
        ("git receive-pack x", Transfer("git-receive-pack", "upload", ("x",))),
        ("git status", None),
        ("ls", None),
    ],
)
def test_what_is_a_transfer(text: str, transfer: Transfer | None) -> None:
    argv = [Value(word) for word in text.split()]
    assert transfer_of(argv[0].text, argv) == transfer


@pytest.mark.parametrize(
    "text",
    [
        "git x", "git -c alias.a=!b a", "git -c core.pager=x log", "git --exec-path=x log",
        "git --config-env=a=b log", "git clone ext::x", "git clone -u x y", "git ls-remote --upload-pack=x y",
        "git rebase -x y", "git rebase --exec y", "git bisect run x", "git submodule foreach x", "git config a b",
        "git config -e", "git grep -Ox y", "git diff --ext-diff", "git -c $x log", "git $x", "git difftool",
        "git filter-branch", "rsync --server -e x . y", "rsync --server --rsh=x . y", "rsync --daemon", "git-shell",
        "git-shell x", "git-shell -c 'rm $x'",
    ],
)  # fmt: skip
def test_what_may_run_something_is_dynamic(text: str) -> None:
    """S15, C2."""
    assert "dynamic" in doubts(text) or text in ("rsync --server -e x . y", "rsync --daemon")


@pytest.mark.parametrize(
    "text",
    [
        "git status", "git -C /srv pull", "git -c user.name=x commit -m y", "git log --oneline -5",
        "git clone https://x/y", "git config --get user.name", "git push origin main", "git rebase main",
        "git --version", "git submodule update",
    ],
)  # fmt: skip
def test_git_of_every_day(text: str) -> None:
    assert not doubts(text)


def test_the_files_of_a_transfer() -> None:
    assert found("git-upload-pack /a.git", "path") == {"/a.git"}
    assert found("rsync --server -a . /a /b", "path") == {"/a", "/b"}
    assert "rm x" in found("git-shell -c 'rm x'", "command")
    assert found("git clean -fd", "flag") >= {"remove"}
