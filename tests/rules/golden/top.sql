-- {"top": {"tag": "score", "n": 1000}}
-- Customers who are among the 1,000 highest by score.
-- 圈定满足以下条件的客户：是score最高的1,000人。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    r."row" >> 16 AS chunk,
    bitstring_agg((r."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT u."row" AS "row"
    FROM "family:rfm" AS f
    JOIN "universe" AS u ON u."row" = f."row"
    WHERE f."score" IS NOT NULL
    ORDER BY f."score" DESC, u.entity
    LIMIT 1000
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
