-- {"all": [{"tag": "birthday", "op": "within_next", "value": "7d"}, {"tag": "rfm.last_at", "op": "lt", "value": {"ago": "30d"}}]}
-- Customers whose birthday is within the next 7 days, and whose rfm.last_at is before 30 days ago.
-- 圈定满足以下条件的客户：birthday在未来7天内，且rfm.last_at早于30天前。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "family:profile" AS f
  WHERE (f."birthday" > DATE '2024-05-01' AND f."birthday" <= DATE '2024-05-08')
  GROUP BY 1
), s1 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c1
  FROM "family:rfm" AS f
  WHERE f."rfm.last_at" < TIMESTAMPTZ '2024-04-01 08:30:00.000000+00:00'
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
    everyone & coalesce(c1, bitstring('0', 65536)) AS c1
  FROM everyone
  LEFT JOIN s0 USING (chunk)
  LEFT JOIN s1 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, (c0 & c1) AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
