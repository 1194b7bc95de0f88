-- {"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": [31.23, 121.47]}
-- Customers whose home.lat / home.lon is within 5 km of (31.23, 121.47).
-- 圈定满足以下条件的客户：home.lat / home.lon距（31.23, 121.47）不超过5公里。
WITH everyone AS (
  SELECT u."row" >> 16 AS chunk, bitstring_agg((u."row" & 65535)::INTEGER, 0, 65535) AS everyone
  FROM "universe" AS u
  GROUP BY 1
), s0 AS (
  SELECT
    f."row" >> 16 AS chunk,
    bitstring_agg((f."row" & 65535)::INTEGER, 0, 65535) AS c0
  FROM "family:profile" AS f
  JOIN "family:rfm" AS g ON g."row" = f."row"
  WHERE f."home.lat" BETWEEN -90 AND 90 AND g."home.lon" BETWEEN -180 AND 180 AND 12742.0176 * asin(sqrt(least(1.0, sin((radians(f."home.lat"::DOUBLE) - 0.5450663253978292) / 2) ** 2 + cos(radians(f."home.lat"::DOUBLE)) * 0.855092904613584 * sin((radians(g."home.lon"::DOUBLE) - 2.120051442397512) / 2) ** 2))) < 5.000000005::DOUBLE
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
