-- {"all": [{"block": "core"}, {"sql": "SELECT entity FROM tags"}]}
-- Customers who are in the block "core", and who are found by the SQL `SELECT entity FROM tags`.
-- 圈定满足以下条件的客户：满足标签组“core”，且由SQL查询`SELECT entity FROM tags`选出。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN f."age" >= 30 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."vip" = true THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c1
  FROM "family:profile" AS f
  GROUP BY 1
), s1 AS (
  SELECT
    m."row" >> 16 AS chunk,
    bitstring_agg((m."row" & 65535)::INTEGER, 0, 65535) AS c2
  FROM (
    SELECT unnest([1, 65536]::BIGINT[]) AS "row"
  ) AS m
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
    everyone & coalesce(c1, bitstring('0', 65536)) AS c1,
    everyone & coalesce(c2, bitstring('0', 65536)) AS c2
  FROM everyone
  LEFT JOIN s0 USING (chunk)
  LEFT JOIN s1 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, ((c0 & xor(everyone, c1)) & c2) AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
