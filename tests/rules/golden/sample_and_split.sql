-- {"any": [{"sample": {"percent": 0.1, "salt": "a"}}, {"split": {"parts": 3, "is": [1, 3], "salt": "b'"}}]}
-- Customers who are in the 0.1% sample "a", or who are in parts 1, 3 of 3 of the split "b'".
-- 圈定满足以下条件的客户：属于0.1%抽样“a”，或属于随机分组“b'”3组中的第1、3组。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    u."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN md5('a/' || u.entity) < '004189374bc6a7f' THEN (u."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN md5('b''/' || u.entity) < '555555555555556' OR md5('b''/' || u.entity) >= 'aaaaaaaaaaaaaab' THEN (u."row" & 65535)::INTEGER END, 0, 65535) AS c1
  FROM "universe" AS u
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
  SELECT chunk, (c0 | c1) AS bits
  FROM condition
)
SELECT u."row", u.entity
FROM "universe" AS u
JOIN member ON member.chunk = u."row" >> 16
WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
ORDER BY u."row"
