-- {"sequence": [{"events": "views", "where": {"field": "Page", "op": "eq", "value": "a"}}, {"events": "orders", "within": "7d"}, {"then_not": {"events": "views", "within": "3d"}}], "same": {"views": "Item", "orders": "SKU"}, "within": "30d"}
-- Customers who have in the last 30 days views (where Page is "a"), then orders within 7 days, and then no views within 3 days, all with the same Item / SKU.
-- 圈定满足以下条件的客户：最近30天内依次有views（Page为“a”），7天内orders，此后3天内没有views，且Item/SKU相同。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    e."row" >> 16 AS chunk,
    bitstring_agg((e."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    WITH step0 AS (
      SELECT e."_row" AS "row", "e"."Item" AS "value", epoch_us(e."_at") AS moment
      FROM "events:views" AS e
      WHERE e."_row" IS NOT NULL AND e."_at" > TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00' AND e."_at" <= TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00' AND "e"."Item" IS NOT NULL AND ("e"."Page" = 'a')
    ), step1 AS (
      SELECT n."row", n."value", n."moment"
      FROM (
        SELECT e."_row" AS "row", "e"."SKU" AS "value", epoch_us(e."_at") AS moment
        FROM "events:orders" AS e
        WHERE e."_row" IS NOT NULL AND e."_at" > TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00' AND e."_at" <= TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00' AND "e"."SKU" IS NOT NULL
      ) AS n
      ASOF JOIN step0 AS p
      ON p."row" = n."row" AND p."value" = n."value" AND p.moment < n.moment
      WHERE n.moment - p.moment <= 604800000000
    )
    SELECT DISTINCT n."row"
    FROM step1 AS n
    ASOF LEFT JOIN (
      SELECT e."_row" AS "row", "e"."Item" AS "value", epoch_us(e."_at") AS moment
      FROM "events:views" AS e
      WHERE e."_row" IS NOT NULL AND e."_at" IS NOT NULL AND "e"."Item" IS NOT NULL
    ) AS p
    ON p."row" = n."row" AND p."value" = n."value" AND p.moment > n.moment
    WHERE n.moment + 259200000000 <= epoch_us(TIMESTAMPTZ '2024-05-01 08:30:00.000000+00:00') AND (p.moment IS NULL OR p.moment - n.moment > 259200000000)
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
