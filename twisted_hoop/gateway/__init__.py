"""One gateway put together: what it consists of, in which order that is made, starts, is replaced and ends.

The composition root: it names the classes behind the interfaces, and nothing but `tap` imports it.
"""
