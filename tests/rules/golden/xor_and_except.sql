-- {"xor": [{"tag": "vip", "op": "eq", "value": true}, {"list": "vip list"}, {"except": [{"tag": "age", "op": "gte", "value": 18}, {"tag": "age", "op": "gte", "value": 65}]}]}
-- Customers for whom exactly one of these is true: (vip is true; they are on the list "vip list"; (age is at least 18, and it is not true that age is at least 65)).
-- 圈定满足以下条件的客户：恰好满足其中一项（vip为是；在名单“vip list”中；（age不小于18，且不满足age不小于65））。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN f."vip" = true THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."age" >= 18 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c2,
    bitstring_agg(CASE WHEN f."age" >= 65 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c3
  FROM "family:profile" AS f
  GROUP BY 1
), s1 AS (
  SELECT
    m."row" >> 16 AS chunk,
    bitstring_agg((m."row" & 65535)::INTEGER, 0, 65535) AS c1
  FROM (
    SELECT unnest([3, 65536]::BIGINT[]) AS "row"
  ) AS m
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
    everyone & coalesce(c1, bitstring('0', 65536)) AS c1,
    everyone & coalesce(c2, bitstring('0', 65536)) AS c2,
    everyone & coalesce(c3, bitstring('0', 65536)) AS c3
  FROM everyone
  LEFT JOIN s0 USING (chunk)
  LEFT JOIN s1 USING (chunk)
), member AS MATERIALIZED (
  SELECT chunk, (((c0 | c1) | (c2 & xor(everyone, c3))) & xor(everyone, ((c0 & c1) | ((c0 | c1) & (c2 & xor(everyone, c3)))))) AS bits
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
    bitstring_agg(CASE WHEN f."vip" = true THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."age" >= 18 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c2,
    bitstring_agg(CASE WHEN f."age" >= 65 THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c3
  FROM "family:profile" AS f
  GROUP BY 1
), s1 AS (
  SELECT
    m."row" >> 16 AS chunk,
    bitstring_agg((m."row" & 65535)::INTEGER, 0, 65535) AS c1
  FROM (
    SELECT unnest([3, 65536]::BIGINT[]) AS "row"
  ) AS m
  GROUP BY 1
), condition AS MATERIALIZED (
  SELECT
    chunk,
    everyone,
    everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
    everyone & coalesce(c1, bitstring('0', 65536)) AS c1,
    everyone & coalesce(c2, bitstring('0', 65536)) AS c2,
    everyone & coalesce(c3, bitstring('0', 65536)) AS c3
  FROM everyone
  LEFT JOIN s0 USING (chunk)
  LEFT JOIN s1 USING (chunk)
)
SELECT
  coalesce(sum(bit_count((((c0 | c1) | (c2 & xor(everyone, c3))) & xor(everyone, ((c0 & c1) | ((c0 | c1) & (c2 & xor(everyone, c3)))))))), 0)::BIGINT AS "count",
  coalesce(sum(bit_count(everyone)), 0)::BIGINT AS "universe",
  coalesce(sum(bit_count((((c0 | c1) | (c2 & xor(everyone, c3))) & xor(everyone, ((c0 & c1) | ((c0 | c1) & (c2 & xor(everyone, c3)))))))), 0)::BIGINT AS "alone rule",
  coalesce(sum(bit_count((((c0 | c1) | (c2 & xor(everyone, c3))) & xor(everyone, ((c0 & c1) | ((c0 | c1) & (c2 & xor(everyone, c3)))))))), 0)::BIGINT AS "remaining rule",
  coalesce(sum(bit_count(everyone) - bit_count((((c0 | c1) | (c2 & xor(everyone, c3))) & xor(everyone, ((c0 & c1) | ((c0 | c1) & (c2 & xor(everyone, c3)))))))), 0)::BIGINT AS "removed rule",
  coalesce(sum(bit_count(c0)), 0)::BIGINT AS "alone xor[0]",
  coalesce(sum(bit_count(c0)), 0)::BIGINT AS "remaining xor[0]",
  coalesce(sum(bit_count(everyone) - bit_count(c0)), 0)::BIGINT AS "removed xor[0]",
  coalesce(sum(bit_count(c1)), 0)::BIGINT AS "alone xor[1]",
  coalesce(sum(bit_count(c1)), 0)::BIGINT AS "remaining xor[1]",
  coalesce(sum(bit_count(everyone) - bit_count(c1)), 0)::BIGINT AS "removed xor[1]",
  coalesce(sum(bit_count((c2 & xor(everyone, c3)))), 0)::BIGINT AS "alone xor[2]",
  coalesce(sum(bit_count((c2 & xor(everyone, c3)))), 0)::BIGINT AS "remaining xor[2]",
  coalesce(sum(bit_count(everyone) - bit_count((c2 & xor(everyone, c3)))), 0)::BIGINT AS "removed xor[2]",
  coalesce(sum(bit_count(c2)), 0)::BIGINT AS "alone xor[2].except[0]",
  coalesce(sum(bit_count(c2)), 0)::BIGINT AS "remaining xor[2].except[0]",
  coalesce(sum(bit_count(everyone) - bit_count(c2)), 0)::BIGINT AS "removed xor[2].except[0]",
  coalesce(sum(bit_count(xor(everyone, c3))), 0)::BIGINT AS "alone xor[2].except[1]",
  coalesce(sum(bit_count((c2 & xor(everyone, c3)))), 0)::BIGINT AS "remaining xor[2].except[1]",
  coalesce(sum(bit_count(c2) - bit_count((c2 & xor(everyone, c3)))), 0)::BIGINT AS "removed xor[2].except[1]",
  coalesce(sum(bit_count(c3)), 0)::BIGINT AS "alone xor[2].except[1].not",
  coalesce(sum(bit_count((c2 & c3))), 0)::BIGINT AS "remaining xor[2].except[1].not",
  coalesce(sum(bit_count(c2) - bit_count((c2 & c3))), 0)::BIGINT AS "removed xor[2].except[1].not"
FROM condition
