-- {"all": [{"tag": "country", "op": "in", "value": ["法国", "Germany"]}, {"tag": "age", "op": "between", "value": [18, 64]}]}
-- Customers whose country is one of "法国", "Germany", and whose age is from 18 to 64.
-- 圈定满足以下条件的客户：国家属于“法国”、“Germany”，且age介于18与64之间。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN f."country" IN ('法国', 'Germany') THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."age" BETWEEN 18 AND 64 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c1
  FROM "family:profile" AS f
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
    everyone & coalesce(c1, bitstring('0', 65536)) AS c1
  FROM everyone
  LEFT JOIN s0 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, (c0 & c1) AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
