-- {"tag": "country", "op": "eq", "value": "O'Neil"}
-- Customers whose country is "O'Neil".
-- 圈定满足以下条件的客户：国家为“O'Neil”。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "family:profile" AS f
  WHERE f."country" = 'O''Neil'
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
