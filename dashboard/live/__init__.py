"""How an open page follows a run: the server sends what happened, the page draws it.

The page connects to `/api/live` and says its place: which version of everything it has, which run
it wants to see, and how many of that run's events it knows. The server answers with what is newer,
at most four times a second, and keeps nothing of a page but its place. Pages at the same place get
the same text, made once, so nothing in it depends on a visitor. The scripts in `assets/live/` put
it on the page: texts, curves, and a few stores to which Dash callbacks listen; those in
`assets/tabs/` fill the table of runs, the pairs and the table of epochs.
A hidden page is not connected. A page that was away continues from its own place. Where something
cannot be read, the message contains a sentence under `problem`, and the page goes on following.
"""
