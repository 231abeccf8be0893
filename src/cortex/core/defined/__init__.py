"""Texts that follow a client's definition: a regular expression or a grammar in Lark. Compiles and matches nothing.

A definition is read (source.py), taken apart into chunks, as large as regular expressions can say (definition.py),
and written as rules of our own grammar, in quotes or raw (write.py). clash.py finds what a lexer would confuse.
"""
