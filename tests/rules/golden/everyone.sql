-- {"all": []}
-- All customers.
-- 圈定全部客户。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone
  FROM everyone
), member AS MATERIALIZED (
  SELECT chunk, everyone AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
