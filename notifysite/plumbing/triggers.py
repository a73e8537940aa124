"""Tables whose rows are only ever added, and rows that no longer change: the database refuses."""

from django.db import migrations

_REFUSE = """
CREATE OR REPLACE FUNCTION notifysite_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A test run empties its own tables between tests; nothing else sets this.
    IF TG_OP = 'TRUNCATE' AND current_setting('notifysite.emptying', true) = 'tests' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def append_only(table: str) -> migrations.RunSQL:
    """A migration operation: UPDATE, DELETE and TRUNCATE of `table` fail from now on."""
    return migrations.RunSQL(
        sql=_REFUSE
        + f"""
        CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION notifysite_append_only();
        CREATE TRIGGER {table}_stays BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION notifysite_append_only();
        """,
        reverse_sql=f"""
        DROP TRIGGER {table}_rows_stay ON {table};
        DROP TRIGGER {table}_stays ON {table};
        """,
    )
