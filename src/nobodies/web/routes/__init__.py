"""The routes: parse, call, answer. One file a kind of answer."""
