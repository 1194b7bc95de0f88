-- {"events": "orders", "measure": "sum", "of": "Quantity * Price", "op": "gte", "value": 99.95}
-- Customers whose total Quantity * Price of orders is at least 99.95.
-- 圈定满足以下条件的客户：orders的Quantity * Price合计不小于99.95。
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
    WHERE e."_row" IS NOT NULL
    GROUP BY e."_row"
    HAVING coalesce(sum(TRY("e"."Quantity" * "e"."Price")), 0) >= 99.95
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
