"""The effect ledger: tables, the index that blocks business keys, and the functions that are one round trip.

Rules that live here because only the database can hold them:

- `reserve` and `raise_fence` take the session's fence row first, so that a fence and a reservation of
  the same session never overlap. A lower epoch is refused from the moment the fence is committed.
- At most one effect per business key is open: PREPARED, or IN_DOUBT unless its tool is IDEMPOTENT
  (repeating that one is safe, so doubt about it blocks nobody).
- A process is alive while another session holds its advisory lock and its heartbeat is young.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE effects.instances (
        instance_id text PRIMARY KEY,
        lock_number integer GENERATED ALWAYS AS IDENTITY,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE effects.fences (
        tenant_id text NOT NULL,
        session_id text NOT NULL,
        epoch bigint NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant_id, session_id)
    )
    """,
    """
    CREATE TABLE effects.effects (
        effect_id text PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        tenant_id text NOT NULL,
        effect_key text NOT NULL,
        business_key text NOT NULL,
        tool_name text NOT NULL,
        policy text NOT NULL CHECK (policy IN ('IDEMPOTENT', 'COMPENSATABLE', 'IRREVERSIBLE')),
        state text NOT NULL CHECK (state IN ('PREPARED', 'DONE', 'FAILED', 'IN_DOUBT')),
        session_id text NOT NULL,
        turn_group_id text NOT NULL,
        turn_id text NOT NULL,
        epoch bigint NOT NULL,
        arguments_json text NOT NULL,
        result_json text NOT NULL DEFAULT '',
        error_reason text NOT NULL DEFAULT '',
        attempts integer NOT NULL,
        reservation_id text NOT NULL,
        instance_id text NOT NULL,
        prepared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        UNIQUE (tenant_id, effect_key)
    )
    """,
)

INDEXES = (
    """
    CREATE UNIQUE INDEX effects_one_open_per_business_key
        ON effects.effects (tenant_id, tool_name, business_key)
        WHERE state = 'PREPARED' OR (state = 'IN_DOUBT' AND policy <> 'IDEMPOTENT')
    """,
    "CREATE INDEX effects_of_session ON effects.effects (tenant_id, session_id, position)",
    "CREATE INDEX effects_of_tenant ON effects.effects (tenant_id, position)",
    "CREATE INDEX effects_prepared ON effects.effects (instance_id) WHERE state = 'PREPARED'",
)

IS_ALIVE = """
CREATE FUNCTION effects.is_alive(p_instance_id text, p_lease interval) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    known effects.instances;
BEGIN
    SELECT * INTO known FROM effects.instances WHERE instance_id = p_instance_id;
    IF NOT FOUND OR known.heartbeat_at < clock_timestamp() - p_lease THEN
        RETURN false;
    END IF;
    -- 1953460076 spells "tool": other services' locks in this database have other first keys.
    -- Shared, so that two who ask at once do not take each other for the owner.
    RETURN NOT pg_try_advisory_xact_lock_shared(1953460076, known.lock_number);
END
$$
"""

RAISE_FENCE = """
CREATE FUNCTION effects.raise_fence(p_tenant_id text, p_session_id text, p_epoch bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    in_force bigint;
BEGIN
    -- ON CONFLICT locks the row even when its WHERE does not hold; nothing is written then.
    INSERT INTO effects.fences AS fence (tenant_id, session_id, epoch)
    VALUES (p_tenant_id, p_session_id, p_epoch)
    ON CONFLICT (tenant_id, session_id) DO UPDATE
        SET epoch = excluded.epoch, updated_at = clock_timestamp()
        WHERE fence.epoch < excluded.epoch;
    SELECT epoch INTO in_force FROM effects.fences
        WHERE tenant_id = p_tenant_id AND session_id = p_session_id;
    RETURN in_force;
END
$$
"""

FENCE_SESSION = """
CREATE FUNCTION effects.fence_session(
    p_tenant_id text, p_session_id text, p_epoch bigint, p_lease interval
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    in_force bigint := effects.raise_fence(p_tenant_id, p_session_id, p_epoch);
BEGIN
    UPDATE effects.effects
        SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
        WHERE tenant_id = p_tenant_id AND session_id = p_session_id AND state = 'PREPARED'
            AND NOT effects.is_alive(instance_id, p_lease);
    RETURN in_force;
END
$$
"""

DOUBT_ORPHANS = """
CREATE FUNCTION effects.doubt_orphans(p_lease interval) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    changed integer;
    total integer := 0;
BEGIN
    FOR owner IN SELECT DISTINCT instance_id FROM effects.effects WHERE state = 'PREPARED' LOOP
        CONTINUE WHEN effects.is_alive(owner, p_lease);
        -- Rows that somebody holds right now are being settled; the next sweep sees what is left.
        UPDATE effects.effects
            SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
            WHERE effect_id IN (
                SELECT effect_id FROM effects.effects
                WHERE instance_id = owner AND state = 'PREPARED' FOR UPDATE SKIP LOCKED
            );
        GET DIAGNOSTICS changed = ROW_COUNT;
        total := total + changed;
    END LOOP;
    RETURN total;
END
$$
"""

RESERVE = """
CREATE FUNCTION effects.reserve(
    p_effect_id text, p_reservation_id text, p_tenant_id text, p_effect_key text, p_business_key text,
    p_tool_name text, p_policy text, p_session_id text, p_turn_group_id text, p_turn_id text,
    p_epoch bigint, p_arguments_json text, p_instance_id text, p_lease interval
) RETURNS TABLE (outcome text, fence bigint, effect effects.effects)
LANGUAGE plpgsql AS $$
DECLARE
    own effects.effects;
    other effects.effects;
BEGIN
    fence := 0;
    IF NOT effects.is_alive(p_instance_id, p_lease) THEN
        outcome := 'OWNER_LOST';
        RETURN NEXT;
        RETURN;
    END IF;
    fence := effects.raise_fence(p_tenant_id, p_session_id, p_epoch);
    IF fence > p_epoch THEN
        outcome := 'FENCED';
        RETURN NEXT;
        RETURN;
    END IF;
    -- Another session may win the business key between our look and our write: look again then.
    LOOP
        UPDATE effects.effects e
            SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
            WHERE e.tenant_id = p_tenant_id AND e.tool_name = p_tool_name
                AND e.business_key = p_business_key AND e.state = 'PREPARED'
                AND NOT effects.is_alive(e.instance_id, p_lease);

        SELECT * INTO own FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.effect_key = p_effect_key FOR UPDATE;
        IF own.state = 'PREPARED' THEN
            outcome := 'RUNNING';
        ELSIF own.state = 'DONE' OR (own.state = 'IN_DOUBT' AND own.policy <> 'IDEMPOTENT') THEN
            outcome := 'EXISTS';
        END IF;
        IF outcome IS NOT NULL THEN
            effect := own;
            RETURN NEXT;
            RETURN;
        END IF;

        SELECT * INTO other FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.tool_name = p_tool_name
                AND e.business_key = p_business_key AND e.effect_key <> p_effect_key
                AND (e.state = 'PREPARED' OR (e.state = 'IN_DOUBT' AND e.policy <> 'IDEMPOTENT'));
        IF FOUND THEN
            outcome := CASE other.state WHEN 'PREPARED' THEN 'BLOCKED_RUNNING' ELSE 'BLOCKED_IN_DOUBT' END;
            effect := other;
            RETURN NEXT;
            RETURN;
        END IF;

        BEGIN
            INSERT INTO effects.effects AS e (
                effect_id, tenant_id, effect_key, business_key, tool_name, policy, state, session_id,
                turn_group_id, turn_id, epoch, arguments_json, attempts, reservation_id, instance_id
            ) VALUES (
                p_effect_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
                'PREPARED', p_session_id, p_turn_group_id, p_turn_id, p_epoch, p_arguments_json, 1,
                p_reservation_id, p_instance_id
            )
            ON CONFLICT (tenant_id, effect_key) DO UPDATE SET
                state = 'PREPARED', policy = excluded.policy, session_id = excluded.session_id,
                turn_id = excluded.turn_id, epoch = excluded.epoch,
                arguments_json = excluded.arguments_json, result_json = '', error_reason = '',
                attempts = e.attempts + 1, reservation_id = excluded.reservation_id,
                instance_id = excluded.instance_id, prepared_at = clock_timestamp(),
                updated_at = clock_timestamp()
                WHERE e.state = 'FAILED' OR (e.state = 'IN_DOUBT' AND e.policy = 'IDEMPOTENT')
            RETURNING e.* INTO effect;
            IF FOUND THEN
                outcome := 'RESERVED';
                RETURN NEXT;
                RETURN;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$
"""


def upgrade() -> None:
    functions = (IS_ALIVE, RAISE_FENCE, FENCE_SESSION, DOUBT_ORPHANS, RESERVE)
    for statement in (*TABLES, *INDEXES, *functions):
        op.execute(statement)
