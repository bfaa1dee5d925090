"""The domain of Tidemark: months, the ledger, and the way of the data from a feed to a published month."""
