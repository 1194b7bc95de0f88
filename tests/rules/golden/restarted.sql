-- {"events": "orders", "restarted": {"back": "30d", "gap": "90d"}}
-- Customers who have orders in the last 30 days, none in the 90 days before, and some earlier.
-- 圈定满足以下条件的客户：最近30天内有orders，此前90天内没有，更早有过。
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
    WHERE e."_row" IS NOT NULL AND e."_at" <= TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00'
    GROUP BY e."_row"
    HAVING bool_or(e."_at" > TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00') AND NOT bool_or(e."_at" > TIMESTAMPTZ '2024-01-02 09:30:00.000000+00:00' AND e."_at" <= TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00') AND bool_or(e."_at" <= TIMESTAMPTZ '2024-01-02 09:30:00.000000+00:00')
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
