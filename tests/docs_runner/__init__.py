"""The commands of the documents, run by bash against live places.

A fenced block marked `sh` is run as it stands and must end with 0. In one marked `console`, each `$ command` (and its
continuations: deeper lines after a backslash or an open quotation mark) is followed by what it prints, where `…`
stands for anything; a command that is followed by nothing must end with 0. Comments tell how, and are not shown:

    <!-- run: demo as carol -->       from here on, blocks of this page are run in that place, as that person
    <!-- run: demo as carol at a browser -->   the same for somebody who has no token yet, and logs in
    <!-- starts: demo -->             the next block is how that place is started (README's), or how it is said again
    <!-- stays -->                    the next block goes on until the page is over: what it shows is waited for
    <!-- ends -->                     before the next block, that is ended by Ctrl-C
    <!-- waits -->                    the next block is run in the background: something else must happen before it ends
    <!-- not run: needs systemd -->   the next block cannot be run in a test, for that reason

Blocks of one page share one shell and one empty folder, so variables and files last. What differs from machine to
machine is replaced as the tables of the places say. `tests/test_docs_commands.py` has it all done, but for the places
`wheel` and `containers`, which .ci/run runs (`wheel.py` here, and tests/containers/page.py).
"""
