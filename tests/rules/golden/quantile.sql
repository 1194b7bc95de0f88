-- {"quantile": {"tag": "rfm.last_at", "parts": 10, "is": [1, 2]}}
-- Customers who are in parts 1, 2 of 10 by rfm.last_at (highest first).
-- 圈定满足以下条件的客户：按rfm.last_at（最高在前）分为10份中的第1、2份。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    r."row" >> 16 AS chunk,
    bitstring_agg((r."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT "row", place
    FROM (
      SELECT u."row" AS "row", row_number() OVER (ORDER BY f."rfm.last_at" DESC, u.entity) AS place, count(*) OVER () AS "number"
      FROM "family:rfm" AS f
      JOIN "universe" AS u ON u."row" = f."row"
      WHERE f."rfm.last_at" IS NOT NULL
    ) AS r
    WHERE 1 + 10 * (place - 1) // "number" IN (1, 2)
  ) AS r
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
