from __future__ import annotations

import pytest

from tests.support.shell import found, of_program


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("cat a /b ./c ~/d", {"~/a", "/b", "~/c", "~/d"}),
        ("dd if=/a of=b", {"/a", "~/b", "~/if=/a", "~/of=b"}),
        ("ls --file=/a", {"/a"}),
        ("gcc -I/usr/include x.c", {"/usr/include"}),
        ("curl -d @/a http://x/y", {"/a", "~/@/a"}),
        ("curl file:///etc/x", {"/etc/x"}),
        ("scp a host:/b", {"~/a", "~/host:/b", "/b"}),
        ("systemctl restart nginx", set()),
        ("echo /etc/x", set()),
        ("grep x a/b", {"~/a/b"}),
        ("cat -- -x", {"~/-x"}),
        ("cat -", set()),
        ("app x", set()),
        ("cd /srv && app x", {"/srv", "/srv/x"}),
    ],
)
def test_which_words_are_files(text: str, paths: set[str]) -> None:
    assert found(text, "path") == paths


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("rm -rf x", {"recursive", "force", "remove"}),
        ("rm --recur --for x", {"recursive", "force", "remove"}),
        ("rm x -r", {"recursive", "remove"}),
        ("rm -- -r", {"remove"}),
        ("cp -a x y", {"recursive"}),
        ("chmod -R 777 x", {"recursive"}),
        ("grep -r x y", {"recursive"}),
        ("ls -R", {"recursive"}),
        ("ls -r", set()),
        ("find x -name y", set()),
        ("tar cf x y", {"recursive"}),
        ("mv -f x y", {"force"}),
        ("git push --force", {"force"}),
        ("rsync -a --delete x y", {"recursive", "remove"}),
        ("unlink x", {"remove"}),
        ("ls -l", set()),
    ],
)
def test_flags(text: str, flags: set[str]) -> None:
    assert found(text, "flag") == flags


def test_accesses() -> None:
    assert of_program("cat x", "cat")["access"] == {"read"}
    assert of_program("rm x", "rm")["access"] == {"write"}
    assert of_program("cp x y", "cp")["access"] == {"read", "write"}
    assert of_program("anything", "anything")["access"] == {"read", "write"}
    assert of_program("cat x > y", "cat")["access"] == {"read", "write"}
    assert of_program("echo x > y", "echo")["flag"] == {"redirect-write"}
