"""The benchmark: what a month costs, beside what moving its bytes costs and what others take. See ``page.template``.

The process that leads it imports nothing heavy, so that what it starts can be measured.
"""
