"""Where does this value come from? Columns traced through statements and a target's catalogue."""
