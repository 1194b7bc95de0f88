-- {"any": [{"all": [{"tag": "score", "op": "gt", "value": 0.1}, {"tag": "vip", "op": "eq", "value": true}]}, {"not": {"tag": "rfm.monetary", "op": "lt", "value": 99.95}}]}
-- Customers (whose score is above 0.1, and whose vip is true), or for whom it is not true that rfm.monetary is below 99.95.
-- 圈定满足以下条件的客户：（score大于0.1，且vip为是），或不满足rfm.monetary小于99.95。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN f."score" > 0.1::DOUBLE THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."rfm.monetary" < 99.95 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c2
  FROM "family:rfm" AS f
  GROUP BY 1
), s1 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c1
  FROM "family:profile" AS f
  WHERE f."vip" = true
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
  SELECT chunk, ((c0 & c1) | xor(everyone, c2)) AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
;
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN f."score" > 0.1::DOUBLE THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."rfm.monetary" < 99.95 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c2
  FROM "family:rfm" AS f
  GROUP BY 1
), s1 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c1
  FROM "family:profile" AS f
  WHERE f."vip" = true
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
)
SELECT
  coalesce(sum(bit_count(((c0 & c1) | xor(everyone, c2)))), 0)::BIGINT AS "count",
  coalesce(sum(bit_count(everyone)), 0)::BIGINT AS "universe",
  coalesce(sum(bit_count(((c0 & c1) | xor(everyone, c2)))), 0)::BIGINT AS "alone rule",
  coalesce(sum(bit_count(((c0 & c1) | xor(everyone, c2)))), 0)::BIGINT AS "remaining rule",
  coalesce(sum(bit_count(everyone) - bit_count(((c0 & c1) | xor(everyone, c2)))), 0)::BIGINT AS "removed rule",
  coalesce(sum(bit_count((c0 & c1))), 0)::BIGINT AS "alone any[0]",
  coalesce(sum(bit_count((c0 & c1))), 0)::BIGINT AS "remaining any[0]",
  coalesce(sum(bit_count(everyone) - bit_count((c0 & c1))), 0)::BIGINT AS "removed any[0]",
  coalesce(sum(bit_count(c0)), 0)::BIGINT AS "alone any[0].all[0]",
  coalesce(sum(bit_count(c0)), 0)::BIGINT AS "remaining any[0].all[0]",
  coalesce(sum(bit_count(everyone) - bit_count(c0)), 0)::BIGINT AS "removed any[0].all[0]",
  coalesce(sum(bit_count(c1)), 0)::BIGINT AS "alone any[0].all[1]",
  coalesce(sum(bit_count((c0 & c1))), 0)::BIGINT AS "remaining any[0].all[1]",
  coalesce(sum(bit_count(c0) - bit_count((c0 & c1))), 0)::BIGINT AS "removed any[0].all[1]",
  coalesce(sum(bit_count(xor(everyone, c2))), 0)::BIGINT AS "alone any[1]",
  coalesce(sum(bit_count(xor(everyone, c2))), 0)::BIGINT AS "remaining any[1]",
  coalesce(sum(bit_count(everyone) - bit_count(xor(everyone, c2))), 0)::BIGINT AS "removed any[1]",
  coalesce(sum(bit_count(c2)), 0)::BIGINT AS "alone any[1].not",
  coalesce(sum(bit_count(c2)), 0)::BIGINT AS "remaining any[1].not",
  coalesce(sum(bit_count(everyone) - bit_count(c2)), 0)::BIGINT AS "removed any[1].not"
FROM condition
