"""Ways to corrupt a month, by family; the ``unlisted`` modules go beyond the list that the gate was made by.

Of the kinds in these some were told to those who made it, in a word (``kind``), and the others not (``unlisted``).
"""
