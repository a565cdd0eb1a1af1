"""The teller: it follows the journal, stores, judges and tells."""
