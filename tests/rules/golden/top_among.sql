-- {"top": {"tag": "score", "percent": 2.5, "lowest": true, "among": {"list": "vip list"}}}
-- Customers who are among the lowest 2.5% by score of those who are on the list "vip list".
-- 圈定满足以下条件的客户：在符合条件（在名单“vip list”中）的人中是score最低的2.5%。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    r."row" >> 16 AS chunk,
    bitstring_agg((r."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM (
    SELECT "row", place
    FROM (
      SELECT u."row" AS "row", row_number() OVER (ORDER BY f."score", u.entity) AS place, count(*) OVER () AS "number"
      FROM "family:rfm" AS f
      JOIN "universe" AS u ON u."row" = f."row"
      SEMI JOIN (
        WITH everyone AS (
          SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
          FROM "universe" AS u
          GROUP BY 1
        ), s0 AS (
          SELECT
            m."row" >> 16 AS chunk,
            bitstring_agg((m."row" & 65535)::INTEGER, 0, 65535) AS c0
          FROM (
            SELECT unnest([3, 65536]::BIGINT[]) AS "row"
          ) AS m
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
      ) AS m ON m."row" = f."row"
      WHERE f."score" IS NOT NULL
    ) AS r
    WHERE place * 1000000 <= "number" * 25000
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
