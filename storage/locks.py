"""The advisory locks of the database, by number: who holds one is alone with its task."""

import enum


class Lock(enum.IntEnum):
    """Keys of pg_advisory_xact_lock; the high half is `neph` in ASCII, so that others' keys stay clear."""

    MIGRATION = 0x6E657068_00000001
    PARTITIONS = 0x6E657068_00000002
    PLANS = 0x6E657068_00000003
    RETENTION = 0x6E657068_00000004
    OUTBOX = 0x6E657068_00000005
    CLOSING = 0x6E657068_00000006
    ROLLUPS = 0x6E657068_00000007
    PAGES = 0x6E657068_00000008
