"""Opens and clicks of mail: links and a picture that lead through us, and who it was that came.

A GET changes nothing here but this one thing, and no wish: what is kept is that a mail was opened
and a link in it followed, the first time, by a person or by a machine.
"""
