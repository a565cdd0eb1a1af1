"""What alembic runs: on the connection that storage/migrate.py hands over, or offline, printing SQL."""

from alembic import context

from storage.schema import is_partition, metadata


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions are made at run time: no migration knows them."""
    return not (kind == "table" and name is not None and is_partition(name))


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata)
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        include_name=_is_ours,
    )
with context.begin_transaction():
    context.run_migrations()
