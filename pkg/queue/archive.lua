-- Removes the oldest archived tasks.
--
-- KEYS: archived
-- ARGV: Unix time before which they are old, how many at most, prefix of a task's hash (in the slot of the key)
-- Returns how many were removed.

local old = redis.call("ZRANGE", KEYS[1], "-inf", "(" .. ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])
for _, id in ipairs(old) do
	redis.call("DEL", ARGV[3] .. id)
	redis.call("ZREM", KEYS[1], id)
end
return #old
