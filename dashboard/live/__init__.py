"""How an open page follows a run: the server sends what happened, the page draws it.

The page says its place: which version of everything it has, which run it wants to see, and how many
of that run's events it knows. The server answers with what is newer and keeps nothing of a page but
its place, so pages at the same place get the same text. docs/api.md describes the messages.
"""
