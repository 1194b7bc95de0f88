"""Who may be addressed: the ledger of consent, lists of addresses never to be used, and the tags `reach.CHANNEL`."""
