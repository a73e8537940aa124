"""The short way through a template: what is usual is looked up and joined, and all else is left to
the nodes.

A plan answers or gives up. It gives up on whatever is unusual (a missing variable, a value of an
odd kind, a text that is long, a filter that fails), and then the nodes render from the beginning:
they alone know what is an error, and how it is said. So a plan needs to be right only where it
answers, and its own limits are stricter than theirs.

No word of an editor ever becomes code: names and texts are held as values by the functions here.
"""
