"""The one statement that recall is: vector list, lexical list, fusion and the winners' rows.

Its shape follows measurements (docs/adr/0071):

- Vectors lie in a narrow table. A scope of few episodes is compared exactly, `+ 0` keeps the planner
  from an index there; a large one goes through HNSW. Both branches are written out and a one-time
  filter on the size of the scope skips one of them, so no filter can starve the index scan.
- Words are looked up as an OR of the rarest ones and ranked by the sum of their weights.
- Every parameter is a constant to the planner (`plan_cache_mode = force_custom_plan`), so conditions on
  empty parameters vanish and partitions are pruned while planning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from focal_memory.domain.rarity import Weighted
from focal_memory.ports import Search


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the statement searches; the fields are the settings of the same names in `RecallSettings`.

    `words` is the most words that a search may bring.
    """

    list_depth: int = 20
    rank_constant: int = 60
    vector_weight: float = 0.6
    lexical_weight: float = 1.0
    exact_episodes: int = 10_000
    words: int = 16


class _Sql(Template):
    """`$1` belongs to PostgreSQL, so what is filled in here is written `%name`."""

    delimiter = "%"


_SCOPE = "tenant_id = $1 AND ($2 = '' OR customer_id = $2) AND ($3 = '' OR session_id = $3)"
_MOMENT = """
    valid_from <= COALESCE($4::timestamptz, now()) AND valid_to > COALESCE($4::timestamptz, now())
    AND ($5::timestamptz IS NULL AND retired_at = 'infinity'
         OR $5::timestamptz IS NOT NULL AND recorded_at <= $5 AND retired_at > $5)
"""
_ONE_WORD = "CASE WHEN words @@ ($9::text[])[%n]::tsquery THEN ($10::float8[])[%n] ELSE 0 END"

_RECALL = _Sql("""
WITH scope AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM memory.episode_vector WHERE %scope OFFSET $11::integer) AS large
), near AS MATERIALIZED (
    (SELECT no, (embedding <=> $6::text::halfvec) + 0 AS distance
     FROM memory.episode_vector
     WHERE %scope AND %moment AND $6 IS NOT NULL AND NOT (SELECT large FROM scope)
     ORDER BY distance LIMIT $7)
    UNION ALL
    (SELECT no, embedding::halfvec(%dimensions) <=> $6::text::halfvec(%dimensions) AS distance
     FROM memory.episode_vector
     WHERE %scope AND %moment AND $6 IS NOT NULL AND (SELECT large FROM scope)
     ORDER BY distance LIMIT $7)
), by_vector AS (
    SELECT no, row_number() OVER (ORDER BY distance, no DESC) AS rank FROM near
), matching AS (
    SELECT no, valid_from, %weight AS weight
    FROM memory.episode
    WHERE %scope AND %moment AND words @@ $8::text::tsquery
    ORDER BY weight DESC, valid_from DESC, no DESC LIMIT $7
), by_words AS (
    SELECT no, row_number() OVER (ORDER BY weight DESC, valid_from DESC, no DESC) AS rank FROM matching
), fused AS (
    SELECT no, COALESCE(by_vector.rank, 0) AS vector_rank, COALESCE(by_words.rank, 0) AS lexical_rank,
           COALESCE($13::float8 / ($12::integer + by_vector.rank), 0)
           + COALESCE($14::float8 / ($12::integer + by_words.rank), 0) AS score
    FROM by_vector FULL JOIN by_words USING (no)
    ORDER BY score DESC, no DESC LIMIT $15
)
SELECT episode_id, session_id, customer_id, content, kind, source, metadata,
       valid_from, NULLIF(valid_to, 'infinity') AS valid_to, recorded_at,
       score, vector_rank, lexical_rank
FROM fused JOIN memory.episode USING (no)
WHERE tenant_id = $1
ORDER BY score DESC, no DESC
""")


def text(dimensions: int, words: int) -> str:
    """The statement for vectors of this length and questions of at most this many words."""
    weight = " + ".join(_Sql(_ONE_WORD).substitute(n=n) for n in range(1, words + 1))
    return _RECALL.substitute(scope=_SCOPE, moment=_MOMENT, dimensions=dimensions, weight=weight)


def arguments(search: Search, tuning: Tuning) -> list[Any]:
    """The statement's parameters in order."""
    quoted = [_quoted(found) for found in search.words]
    return [
        search.scope.tenant,
        search.scope.customer_id,
        search.scope.session_id,
        search.valid_at,
        search.known_at,
        vector_text(search.vector) if search.vector is not None else None,
        max(tuning.list_depth, search.limit),
        " | ".join(quoted) or None,
        quoted,
        [found.weight for found in search.words],
        tuning.exact_episodes,
        tuning.rank_constant,
        tuning.vector_weight,
        tuning.lexical_weight,
        search.limit,
    ]


def vector_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return str(list(vector))


def _quoted(found: Weighted) -> str:
    """A word as a tsquery of its own, whatever characters it is made of."""
    escaped = found.word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
