-- {"events": "orders", "where": {"any": [{"field": "products.Category", "op": "contains", "value": "a"}, {"not": {"field": "products.Cost", "op": "gte", "value": 1.5}}]}, "measure": "distinct", "of": "Order Id", "op": "gte", "value": 2}
-- Customers whose number of different Order Id of orders (where products.Category contains "a", or it is not true that products.Cost is at least 1.5) is at least 2.
-- 圈定满足以下条件的客户：orders（products.Category包含“a”，或不满足products.Cost不小于1.5）的Order Id去重数不小于2。
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
    LEFT JOIN "dataset:products" AS "e.products" ON "e.products"."_entity" = CAST("e"."SKU" AS VARCHAR)
    WHERE e."_row" IS NOT NULL AND ((contains("e.products"."Category", 'a')) OR (NOT coalesce("e.products"."Cost" >= 1.5, false)))
    GROUP BY e."_row"
    HAVING count(DISTINCT "e"."_key") >= 2
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
