"""The content library: templates of messages, dynamic copy and landing pages, each with versions that are published.

    draft -> published -> withdrawn -> published ...

A campaign names a template; which version it says is settled when an occurrence is planned, and stays so. What is
withdrawn cannot be planned any more; what runs keeps its version and says so.
"""
