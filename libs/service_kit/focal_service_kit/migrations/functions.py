"""A schema's SQL functions: one file each, created anew together when any of them has changed.

A function holds no data, so it needs no history in revisions: the file is what the database runs.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy

from focal_kernel import ids

_OURS = """
SELECT format('DROP FUNCTION %s', p.oid::regprocedure)
FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


def renew(connection: sqlalchemy.Connection, schema: str, folder: Path) -> None:
    """Bring the functions of `schema` in line with the files `*.sql` of `folder`; none, and nothing is done.

    Every file is one `CREATE FUNCTION schema.name`. Old ones are dropped first, so that a signature may
    change and a deleted file takes its function along. Raises the driver's error when a file is not valid.
    """
    files = sorted(folder.glob("*.sql"))
    if not files:
        return
    texts = [file.read_text() for file in files]
    digest = ids.digest(*texts)
    register = f'"{schema}".schema_functions'
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {register}"
        " (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), digest text NOT NULL)"
    )
    if connection.exec_driver_sql(f"SELECT digest FROM {register}").scalar() == digest:  # noqa: S608
        return
    for drop in connection.exec_driver_sql(_OURS, (schema,)).scalars().all():
        connection.exec_driver_sql(drop)
    # Functions call one another: the order of files must not matter.
    connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
    for text in texts:
        connection.exec_driver_sql(text)
    connection.exec_driver_sql(
        f"INSERT INTO {register} (digest) VALUES ($1)"  # noqa: S608
        " ON CONFLICT (singleton) DO UPDATE SET digest = excluded.digest",
        (digest,),
    )
