-- {"events": "orders", "where": {"field": "Country", "op": "eq", "value": "Germany"}, "at_least": 3, "within": "30d"}
-- Customers who have at least 3 orders in the last 30 days (where Country is "Germany").
-- 圈定满足以下条件的客户：最近30天内有至少3次orders（Country为“Germany”）。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    u."row" >> 16 AS chunk,
    bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT e."_entity" AS entity
    FROM "dataset:orders" AS e
    WHERE e."_entity" IS NOT NULL AND e."_at" > TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00' AND e."_at" <= TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00' AND ("e"."Country" = 'Germany')
    GROUP BY e."_entity"
    HAVING count(*) >= 3
  ) AS e
  JOIN "universe" AS u ON u.entity = e.entity
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
