-- {"all": [{"tag": "interests", "op": "none_of", "value": ["x", "it's"]}, {"tag": "region", "op": "under", "value": "北京 > 朝阳"}]}
-- Customers whose interests includes none of "x", "it's", and whose region lies under "北京 > 朝阳".
-- 圈定满足以下条件的客户：interests不包含“x”、“it's”中的任何一个，且region位于“北京 > 朝阳”之下。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg(CASE WHEN NOT list_has_any(f."interests", ['x', 'it''s']) THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c0,
    bitstring_agg(CASE WHEN f."region"[1:2] = ['北京', '朝阳'] THEN (f."row" & 65535)::INTEGER END, 0, 65535) AS c1
  FROM "family:rfm" AS f
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
