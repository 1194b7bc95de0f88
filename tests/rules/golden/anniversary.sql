-- {"tag": "rfm.last_at", "op": "anniversary_within_next", "value": "10m"}
-- Customers whose rfm.last_at has its anniversary within the next 10 months.
-- 圈定满足以下条件的客户：rfm.last_at的周年日在未来10个月内。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "family:rfm" AS f
  WHERE ((month(timezone('Europe/Paris', f."rfm.last_at")) * 100 + day(timezone('Europe/Paris', f."rfm.last_at"))) BETWEEN 502 AND 1231 OR (month(timezone('Europe/Paris', f."rfm.last_at")) * 100 + day(timezone('Europe/Paris', f."rfm.last_at"))) BETWEEN 101 AND 301)
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
