-- {"tag": "rfm.monetary", "op": "not_exists"}
-- Customers whose rfm.monetary is missing.
-- 圈定满足以下条件的客户：rfm.monetary缺失。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "family:rfm" AS f
  WHERE NOT coalesce(f."rfm.monetary" IS NULL, false)
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    xor(everyone, everyone & coalesce(c0, bitstring('0', 65536))) AS not_c0
  FROM everyone
  LEFT JOIN s0 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, not_c0 AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
