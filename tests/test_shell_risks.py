from __future__ import annotations

import pytest

from tests.support.shell import doubts
from twisted_hoop.shell.risks import RISKS


@pytest.mark.parametrize(
    "text",
    [
        "tar xf a --to-command=b", "tar --checkpoint-action=exec=b cf a c", "tar -I b -xf a", "tar cIf b a c",
        "rsync -e b c d:e", "rsync --rsh=b c d:e", "zip a b -T -TT c", "sort --compress-program=a b",
        "split --filter=a b", "man -P a b", "vim -c a", "vim +a b", "nmap --script=a b", "tcpdump -z a",
        "wget --use-askpass=a b", "curl -K a", "apt-get -o a::Pre-Invoke=b install c", "make --eval=a", "nc -e a b",
        "socat a EXEC:b", "psql -c '\\! a'", "mysql -e 'system a'", "sqlite3 a .shell", "crontab a", "crontab -e",
        "openssl engine a", "gdb a", "scp -S a b c:d", "scp -o ProxyCommand=a b c:d", "npm install", "npx a",
    ],
)  # fmt: skip
def test_words_with_which_programs_run_others(text: str) -> None:
    """C2."""
    assert "dynamic" in doubts(text)


@pytest.mark.parametrize(
    "text",
    [
        "tar czf a.tgz Invoices", "tar xf FIT.tar", "tar -xzf a", "tar --exclude=T -cf a b", "rsync -av a b:c",
        "zip -r a b", "rsync -e ssh a b:c", "rsync -ave ssh a b:c", "rsync -e 'ssh -p 22' a b:c", "sort -u a",
        "man ls", "vim a", "wget http://a/b", "curl -s http://a", "apt-get install -y a", "make -j4 test",
        "nc -z a 80", "psql -c 'select 1'", "crontab -l", "openssl version", "scp -r a b:c", "npm ls", "pip list",
    ],
)  # fmt: skip
def test_words_of_every_day(text: str) -> None:
    assert not doubts(text)


def test_the_table_is_one_entry_a_program() -> None:
    assert {"tar", "rsync", "make", "psql"} <= set(RISKS)
