"""One module a revision, named `vNNNN_<what>`; a revision that was released is never edited."""
