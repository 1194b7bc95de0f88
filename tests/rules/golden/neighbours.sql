-- {"neighbours": {"dataset": "friends", "of": {"audience": "loyal"}, "at_least": 2, "direction": "out"}}
-- Customers who are linked in friends (outgoing) to at least 2 of those who are in the audience "loyal".
-- 圈定满足以下条件的客户：在friends中（指向对方）与至少2个符合条件（属于人群包“loyal”）的人相连。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    n."row" >> 16 AS chunk,
    bitstring_agg((n."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT u."row" AS "row", count(*) AS "value"
    FROM (
      SELECT DISTINCT e."_entity" AS entity, e."_target" AS neighbour
      FROM "dataset:friends" AS e
      WHERE e."_entity" <> e."_target"
    ) AS l
    JOIN (
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
      ), condition AS MATERIALIZED (
        SELECT
          chunk,
          everyone,
          everyone & coalesce(c0, bitstring('0', 65536)) AS c0,
          everyone & coalesce(c1, bitstring('0', 65536)) AS c1
        FROM everyone
        LEFT JOIN s0 USING (chunk)
      ), member AS MATERIALIZED (
        SELECT chunk, (c0 & xor(everyone, c1)) AS bits
        FROM condition
      )
      SELECT u."row", u.entity
      FROM "universe" AS u
      JOIN member ON member.chunk = u."row" >> 16
      WHERE get_bit(member.bits, (u."row" & 65535)::INTEGER) = 1
      ORDER BY u."row"
    ) AS m ON m.entity = l.neighbour
    JOIN "universe" AS u ON u.entity = l.entity
    GROUP BY u."row"
  ) AS n
  WHERE n."value" >= 2
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
