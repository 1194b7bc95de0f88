-- {"events": "orders", "regular": {"at_least": 3, "of_last": 4, "unit": "week"}}
-- Customers who have orders in at least 3 of the last 4 weeks.
-- 圈定满足以下条件的客户：最近4周中有至少3周有orders。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    e."_row" >> 16 AS chunk,
    bitstring_agg((e."_row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT e."_row"
    FROM "events:orders" AS e
    WHERE e."_row" IS NOT NULL AND e."_at" > TIMESTAMPTZ '2024-04-03 08:30:00.000000+00:00' AND e."_at" <= TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00'
    GROUP BY e."_row"
    HAVING bit_count(bit_or(1::UBIGINT << CASE WHEN e."_at" > TIMESTAMPTZ '2024-04-17 08:30:00.000000+00:00' THEN CASE WHEN e."_at" > TIMESTAMPTZ '2024-04-24 08:30:00.000000+00:00' THEN 0 ELSE 1 END ELSE CASE WHEN e."_at" > TIMESTAMPTZ '2024-04-10 08:30:00.000000+00:00' THEN 2 ELSE 3 END END)) >= 3
  ) AS e
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0
  FROM everyone
  LEFT JOIN s0 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, c0 AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
