-- {"events": "orders", "where": {"field": "Price", "op": "lt", "than_field": "products.Cost"}}
-- Customers who have orders (where Price is below products.Cost).
-- 圈定满足以下条件的客户：有orders（Price小于products.Cost）。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    e."_row" >> 16 AS chunk,
    bitstring_agg((e."_row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "events:orders" AS e
  LEFT JOIN "dataset:products" AS "e.products" ON "e.products"."_entity" = CAST("e"."SKU" AS VARCHAR)
  WHERE e."_row" IS NOT NULL AND ("e"."Price" < "e.products"."Cost")
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
